"""Receives events: checks them, stores each once, and derives others by rule. Imports models, devices and platforms."""
