"""How the processes serve: ASGI, the event loop, Redis, health. Imports `foundation.database` and `foundation.hooks`."""
