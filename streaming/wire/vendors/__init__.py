"""What vendors' errors and finish reasons mean: the door (vendor.py), the meanings that all share, and how an error
becomes a fault. `china/` and `world/` have one table a vendor; the setting `CHAT_VENDORS` lists them.

Imports faults only.
"""
