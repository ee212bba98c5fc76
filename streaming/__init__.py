"""Chat streaming: relays a client's request to a provider and the tokens back. Imports `foundation`."""
