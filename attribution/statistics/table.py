"""The statistics as a table: a row per group with all figures. For the API, the admin and CSV alike."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from attribution.statistics import groups, sheets
from attribution.statistics.figures import FIGURES, Figure, numbers, sums_of
from attribution.statistics.scopes import Scope, columns_of
from attribution.statistics.sheets import Sheet
from foundation.spreadsheet import harmless

DIMENSIONS = ["day", "app", "platform", "advertiser", "campaign", "ad", "channel"]
# More rows would be a dump rather than an answer.
MAX_ROWS = 50_000


def columns(group_by: Sequence[str]) -> list[str]:
    return [*groups.shown(group_by), *(figure.name for figure in FIGURES)]


def table(
    scope: Scope, group_by: Sequence[str], *, today: date, figures: Sequence[Figure] = FIGURES
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each group in which something happened, and the figures of all of them."""
    sums = sums_of(figures)
    sheet = sheets.read(sums, scope, columns_of(group_by), today=today)
    [totals] = numbers(figures, sheets.total(sheet, scope, today=today).sums)
    return rows(sheet, group_by, figures), totals


def rows(sheet: Sheet, group_by: Sequence[str], figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Each group's texts and figures. Column by column: a month by day and ad has half a million numbers."""
    names = [*groups.shown(group_by), *(figure.name for figure in figures)]
    listed = [*groups.texts(sheet.keys, group_by), *(figure.formula.of(sheet.sums) for figure in figures)]
    return [dict(zip(names, values, strict=True)) for values in zip(*listed, strict=True)]


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([harmless(row[column]) for column in columns] for row in rows)
    return text.getvalue()
