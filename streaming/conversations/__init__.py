"""Stored conversations. Imports the models and wire."""
