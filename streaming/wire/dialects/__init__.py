"""The providers' protocols: the door (dialect.py), and one module for each protocol. No I/O, no Django.

The setting `CHAT_DIALECTS` lists them. Imports the rest of `wire`, but no profile.
"""
