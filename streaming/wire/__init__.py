"""Bytes and what they mean: events, faults, providers' protocols, client formats. Knows no Django."""
