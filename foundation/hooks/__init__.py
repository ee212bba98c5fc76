"""Where the two jobs register what the other one, or the upkeep, calls. Imports nothing of the house."""
