"""Figures per day, app and ad: summed from the rows, read by API and admin. Imports models."""
