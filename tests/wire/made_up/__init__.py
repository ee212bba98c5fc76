"""A provider's protocol that the product has never heard of, to show what its door promises: one module, one line.

Parley is spoken to at `/talk`, with the key in `X-Parley-Key`. It streams named events with JSON of its own; usage
comes in two halves, at the beginning and at the end, and its errors are `problem`s.
"""
