"""The ground floor: what both jobs stand on. Knows neither of them, and imports nothing of the house but itself."""
