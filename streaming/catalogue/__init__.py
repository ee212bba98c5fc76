"""Public models, their routes and prices, and the dialects of providers. Imports the models and wire only."""
