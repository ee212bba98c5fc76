"""One turn, from a checked request to its record. Imports wire, upstream, admission, catalogue and conversations."""
