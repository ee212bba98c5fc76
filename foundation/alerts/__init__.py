"""Alerts: tells people, on channels of their own, when something that a job watches goes wrong, and when it is over.

What is watched comes through `foundation.hooks.alerts`. Imports the rest of the ground floor; knows no job.
"""
