"""What workers and open pages are told when rows come or change. Imports nothing of the attribution."""
