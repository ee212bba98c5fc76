"""The ground floor: what both jobs build on. Knows neither of them, and imports no other package of ours."""
