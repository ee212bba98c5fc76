"""Costs of ads: uploaded, posted or imported, and the authorisation to import them.

Knows no vendor; imports models, the platforms' door and `foundation`.
"""
