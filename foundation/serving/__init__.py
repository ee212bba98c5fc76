"""How the processes serve: ASGI, the loop, Redis, health. Imports `foundation.database` and `foundation.hooks`."""
