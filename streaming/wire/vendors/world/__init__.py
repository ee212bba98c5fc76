"""The error tables of vendors elsewhere, one module each. Imports the door (vendor.py) and the meanings only."""
