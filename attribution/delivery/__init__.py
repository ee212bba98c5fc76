"""Delivers due conversions: claim, ask for the attribution, report, settle.

Imports models, clicks, platforms and authorising.
"""
