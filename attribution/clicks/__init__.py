"""Receives clicks, stores them, and matches them with devices. Imports models, devices and platforms."""
