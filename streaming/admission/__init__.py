"""Who may start a turn, and how many. Imports the catalogue."""
