"""Device ids and networks: what is compared, kept and shown. Imports nothing of the house."""
