"""Turns that outlive their connection: the event log, its readers, stopping and look-up. Imports turns and wire."""
