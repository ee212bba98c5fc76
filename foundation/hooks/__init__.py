"""Where each job registers functions for the other job or the upkeep to call. Imports nothing of ours."""
