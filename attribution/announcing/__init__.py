"""Tells workers and open pages when rows arrive or change. Imports nothing from attribution."""
