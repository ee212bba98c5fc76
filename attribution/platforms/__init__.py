"""Ad platforms, one folder each, behind the door `platform`; they do not know our rows.

They import `http`, `link_query` and devices, never each other. All other code reaches them through `registry`.
"""
