"""Usage and cost, summed per hour. Imports only the models."""
