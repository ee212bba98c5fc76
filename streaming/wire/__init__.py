"""Bytes and what they mean: events, chunks, faults, providers' dialects, client formats. Does not import Django."""
