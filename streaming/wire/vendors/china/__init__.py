"""The error tables of vendors in China, one module each. Imports the door (vendor.py) and the meanings only."""
