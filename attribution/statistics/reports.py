"""What the statistics say of a span of days: as a whole, by day, as a funnel, of the best ads, and by state.

Each row has two views side by side, see `figures`: what happened on these days, and what became of the users who were
activated on them, whenever they paid or came back. `table` has the rows by group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeAlias

from django.db.models import Sum

from attribution.models.roll_ups import StateDay
from attribution.statistics import sheets, table
from attribution.statistics.figures import FIGURES, Figure, numbers, sums_of
from attribution.statistics.formulas import Number, quotient
from attribution.statistics.scopes import Scope, columns_of
from attribution.statistics.sources import in_days

# By the figures' names.
Numbers: TypeAlias = dict[str, Number]
Rows: TypeAlias = list[dict[str, Any]]

FUNNEL = ("clicks", "activations", "registrations", "paying_users")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the funnel: how many got there, and which part of the step before."""

    name: str
    count: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A span as a whole, its days (also those on which nothing happened), and its funnel.

    The funnel, from the click to the payment, is that of attributed users: the others did not click.
    """

    numbers: Numbers
    days: Sequence[tuple[date, Numbers]]
    funnel: Sequence[Step]


def overview(scope: Scope, *, today: date) -> Overview:
    """The span as a whole, its days and its funnel, from one reading of the sums."""
    sheet = sheets.read(sums_of(FIGURES), scope, columns_of(["day", "source"]), today=today)
    by_day = sheet.added_up_by(lambda key: key[:1], [(day,) for day in scope.days])
    by_source = sheet.added_up_by(lambda key: key[1:], [(False,), (True,)])
    by_source = sheets.corrected(by_source, scope, columns_of(["source"]), today=today)
    [all_users] = numbers(FIGURES, by_source.added_up().sums)
    attributed, _organic = numbers(FIGURES, by_source.sums)
    return Overview(
        numbers=all_users,
        days=list(zip(scope.days, numbers(FIGURES, by_day.sums), strict=True)),
        funnel=_funnel(attributed),
    )


def top_ads(scope: Scope, figures: Sequence[Figure], *, today: date, by: str = "activations", limit: int = 10) -> Rows:
    """The ads with the most of one of the figures, the best first: their texts and the figures."""
    scope = replace(scope, is_organic=False)
    sheet = sheets.read(sums_of(figures), scope, columns_of(["ad"]), today=today)
    [ranks] = [figure.formula.of(sheet.sums) for figure in figures if figure.name == by]
    best = sorted(range(len(ranks)), key=lambda place: ranks[place] or 0, reverse=True)[:limit]
    return table.rows(sheet.picked(best), ["ad"], figures)


def states(scope: Scope) -> dict[str, dict[str, int]]:
    """How many events of each kind are in which state. The scope's ads and channel are not looked at."""
    rows = StateDay.objects.filter(in_days(scope)).values_list("event", "state").annotate(Sum("conversions"))
    found: dict[str, dict[str, int]] = {}
    for event, state, conversions in rows:
        found.setdefault(event, {})[state] = conversions
    return found


def _funnel(numbers: Numbers) -> list[Step]:
    steps: list[Step] = []
    for name in FUNNEL:
        count = int(numbers[name] or 0)
        steps.append(Step(name=name, count=count, rate=quotient(count, steps[-1].count) if steps else None))
    return steps
