"""Numbers as people read them. A dash stands for a number that is not known, or has nothing to divide by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime

from attribution.statistics.figures import Format
from attribution.statistics.formulas import quotient

NONE = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """How much more or less than before; `direction` is `up`, `down`, `same`, or `new` where nothing was before."""

    text: str
    direction: str


def moment(at: datetime | None) -> str | None:
    """To the second, in `TIME_ZONE`; short enough for a column."""
    return date_format(localtime(at), "Y-m-d H:i:s") if at else None


def count(number: float | None) -> str:
    return NONE if number is None else f"{number:,}"


def money(fen: float | None) -> str:
    """CNY, from fen."""
    return NONE if fen is None else f"¥{fen / 100:,.2f}"


def percent(rate: float | None) -> str:
    return NONE if rate is None else f"{rate:.1%}"


TEXTS: dict[Format, Callable[[Any], str]] = {Format.COUNT: count, Format.FEN: money, Format.RATE: percent}


def change(now: float | None, before: float | None) -> Change:
    if not now and not before:
        return Change(NONE, "same")
    if now is None or not before:
        return Change(NONE, "new")
    part = quotient(now - before, before) or 0.0
    if abs(part) < 0.0005:  # shown as 0.0 %
        return Change("0.0%", "same")
    return Change(f"{part:+.1%}", "up" if part > 0 else "down")
