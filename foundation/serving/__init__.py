"""How the processes serve: ASGI, the event loop, Redis, health. Imports nothing of the house but itself."""
