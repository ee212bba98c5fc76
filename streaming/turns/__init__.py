"""One turn, from a checked request to its record. Imports wire, upstream, catalogue and conversations."""
