"""What vendors' error codes mean: one table per vendor, the classes that all share, and how an error becomes a fault.

Imports faults only.
"""
