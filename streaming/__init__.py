"""Chat streaming: a client's request to a provider, and its tokens back. Imports `foundation`."""
