"""Fakes that speak the vendors' wire formats, faults included."""
