"""The statistics as a table: a row per group with what happened and what became of its users. For the API, the admin
and CSV alike.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any

from attribution.statistics import reports
from attribution.statistics.reports import Cohort, Group, Metrics, Scope
from foundation.spreadsheet import harmless

DIMENSIONS = ["day", "app", "advertiser", "campaign", "ad", "channel"]
# More is no answer but a dump.
MAX_ROWS = 50_000

# What a row has besides its group: sums, from which its rates can be checked and added up, and the rates.
METRICS = [
    "clicks", "activations", "attributed_activations", "organic_activations", "registrations", "payments",
    "paying_users", "amount_fen", "next_day_opens", "key_behaviours",
]  # fmt: skip
RATES = ["activation_rate", "registration_rate", "payment_rate", "key_behaviour_rate", "amount_per_paying_user_fen"]
COHORT_SUMS = [
    "activated_day_0", "activated_day_1", "activated_day_7", "amount_day_0_fen", "amount_day_1_fen",
    "amount_day_7_fen", "returned_day_1",
]  # fmt: skip
COHORT_RATES = ["value_day_0_fen", "value_day_1_fen", "value_day_7_fen", "retention_day_1"]
NUMBERS = [*METRICS, *RATES, *COHORT_SUMS, *COHORT_RATES]
# What is shown of a group, by the dimension that was asked for.
GROUP_COLUMNS = {
    "day": ["day"],
    "app": ["app"],
    "advertiser": ["source", "advertiser_id", "advertiser_name"],
    "campaign": ["source", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name"],
    "ad": ["source", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "ad_id", "ad_name"],
    "channel": ["channel"],
}


def columns(group_by: Sequence[str]) -> list[str]:
    return [*_group_columns(group_by), *NUMBERS]


def table(scope: Scope, group_by: Sequence[str], *, today: date) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each group in which something happened, and the numbers of all of them.

    Ids are strings: beyond 2^53 a browser's numbers are wrong.
    """
    shown = _group_columns(group_by)
    found = reports.breakdown(scope, group_by, today=today)
    rows = [_described(row.group, shown) | _numbers(row.metrics, row.cohort) for row in found]
    return rows, _numbers(*reports.total(scope, found))


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([harmless(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _group_columns(group_by: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(column for each in group_by for column in GROUP_COLUMNS[each]))


def _described(group: Group, columns: Sequence[str]) -> dict[str, Any]:
    return {column: _TEXTS[column](group) for column in columns}


def _id(name: str) -> Callable[[Group], str | None]:
    return lambda group: None if group.is_organic else str(getattr(group, name))


_TEXTS: dict[str, Callable[[Group], Any]] = {
    "source": lambda group: "organic" if group.is_organic else "attributed",
    **{name: _id(name) for name in ("advertiser_id", "campaign_id", "ad_id")},
    **{name: attrgetter(name) for name in ("day", "app", "advertiser_name", "campaign_name", "ad_name", "channel")},
}
# Many at once: of a month by day and ad there are half a million numbers.
_metrics = attrgetter(*METRICS, *RATES)
_cohort = attrgetter(*COHORT_SUMS, *COHORT_RATES)


def _numbers(metrics: Metrics, cohort: Cohort) -> dict[str, Any]:
    return dict(zip(NUMBERS, _metrics(metrics) + _cohort(cohort), strict=True))
