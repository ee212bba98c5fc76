"""Keeps the tokens fresh by which we act at the platforms. Imports models and the platforms' door."""
