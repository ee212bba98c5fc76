"""How the processes serve: ASGI, event loop, Redis, health. Imports `foundation.database` and `foundation.hooks`."""
