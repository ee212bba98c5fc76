"""Ad platforms, one folder each, behind the door `platform`; they know no rows of ours.

They import `http`, `link_query` and devices, never each other. All others reach them through `registry`.
"""
