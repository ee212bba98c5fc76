"""Which of a model's routes a turn asks, in which order, and with which parameters.

Imports the catalogue, wire and the ground. What it remembers of routes is this process's own, apart from their limits.
"""
