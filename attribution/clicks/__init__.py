"""Clicks: received, stored, and matched with devices. Imports models, devices and platforms."""
