"""Users who get another id, and users who are erased. Imports models, clicks, devices, events and statistics."""
