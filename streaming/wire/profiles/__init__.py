"""The client formats: the door (profile.py), and one module for each format. No I/O, no Django.

Imports the rest of `wire`, but from `dialects` only the type of a whole answer.
"""
