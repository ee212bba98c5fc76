"""Device ids and networks: how they are compared, kept and shown. Imports nothing of ours."""
