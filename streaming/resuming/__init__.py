"""Turns that outlive their connection: the event log, its readers, stop and look-up. Imports turns and wire."""
