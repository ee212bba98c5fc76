"""Converts money: decimal texts in yuan outside, whole centifen inside."""

import re
from decimal import Decimal

from django.utils.translation import gettext as _

from attribution.models.costs import CENTIFEN_PER_YUAN

DECIMALS = 4
# The maximum for one ad and day. The sum of a million such rows still fits into 64 bits.
MAX_YUAN = 10**8
_YUAN = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


class NotAnAmountError(ValueError):
    """Says what is wrong with the text."""


def centifen_of(yuan: str) -> int:
    """`"12.34"` → 123400, exactly. Raises: `NotAnAmountError`."""
    found = _YUAN.fullmatch(yuan)
    if found is None:
        raise NotAnAmountError(not_an_amount(yuan))
    whole, decimals = found[1], found[2] or ""
    if len(decimals) > DECIMALS:
        raise NotAnAmountError(_("%(given)r has more than four decimals.") % {"given": yuan})
    # Check the length first: Python refuses to parse numbers of thousands of digits, with a different error.
    if len(whole.lstrip("0")) > len(str(MAX_YUAN)) or int(whole) > MAX_YUAN:
        raise NotAnAmountError(_("%(given)r is more than %(most)d yuan.") % {"given": yuan, "most": MAX_YUAN})
    return int(whole) * CENTIFEN_PER_YUAN + int(decimals.ljust(DECIMALS, "0"))


def not_an_amount(given: object) -> str:
    return _("%(given)r is not an amount in yuan. Write digits, for example 12.34.") % {"given": given}


def yuan_of(centifen: int) -> str:
    """123400 → `"12.34"`: at least two decimals, four at most."""
    whole, rest = divmod(centifen, CENTIFEN_PER_YUAN)
    decimals = f"{rest:04}"
    return f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def centifen_of_decimal(yuan: Decimal) -> int:
    """Rounded to the nearest centifen, since a platform's figures may have more decimals."""
    return round(yuan * CENTIFEN_PER_YUAN)
