"""How clients are spoken to: the door, and one module for each client format. No I/O, no Django.

Imports the rest of `wire`; of `dialects` only what a whole answer is.
"""
