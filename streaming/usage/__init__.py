"""Usage and cost, summed per hour. Imports the models only."""
