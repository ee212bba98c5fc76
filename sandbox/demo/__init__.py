"""`make demo`: believable traffic for the site that `make run` has up. See `__main__`."""
