"""Public models, their routes and prices, and the dialects of providers.

Imports only the models, wire, and what upstream knows of proxies.
"""
