"""Cells that a spreadsheet shows as text and does not run."""

from typing import Any

# A spreadsheet runs a cell that begins like a formula; ads' names, channels and user ids come from outside.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
