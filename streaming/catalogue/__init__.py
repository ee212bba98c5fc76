"""Public models, their routes and prices. Imports the models only."""
