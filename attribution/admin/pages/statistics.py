"""The statistics page: from the advertiser down to the records, or by day, channel and app; as a table and as CSV."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attribution.admin.pages import links, period
from attribution.admin.pages.formats import TEXTS
from attribution.admin.pages.period import Period
from attribution.announcing.live_feed import PERMISSION
from attribution.records.filtering import ATTRIBUTED, ORGANIC
from attribution.statistics import groups, table
from attribution.statistics.figures import FIGURES, Figure
from attribution.statistics.scopes import Scope
from foundation.database.columns import BIGINT_MAX

# Nobody reads more rows; the CSV has all of them.
MAX_SHOWN = 200

DIMENSIONS: dict[str, Any] = {
    "advertiser": gettext_lazy("Advertiser"),
    "campaign": gettext_lazy("Campaign or project"),
    "ad": gettext_lazy("Ad or promotion"),
    "day": gettext_lazy("Day"),
    "channel": gettext_lazy("Channel"),
    "app": gettext_lazy("App"),
}
# From the top level down.
LEVELS = ["advertiser", "campaign", "ad", "day"]
SOURCES = {ATTRIBUTED: gettext_lazy("From ads"), ORGANIC: gettext_lazy("Organic")}


def _columns(*, is_cohort: bool) -> list[Figure]:
    shown = [figure for figure in FIGURES if figure.column is not None and figure.is_cohort == is_cohort]
    return sorted(shown, key=lambda figure: figure.column or 0)


EVENT_COLUMNS = _columns(is_cohort=False)
COHORT_COLUMNS = _columns(is_cohort=True)
COLUMNS = [*EVENT_COLUMNS, *COHORT_COLUMNS]


class SelectionForm(forms.Form):
    """The part to show, and how: everything in the address except period and app."""

    group_by = forms.ChoiceField(required=False, choices=list(DIMENSIONS.items()))
    source = forms.ChoiceField(required=False, choices=list(SOURCES.items()))
    platform = forms.SlugField(required=False, max_length=32)
    advertiser = forms.IntegerField(required=False, min_value=0, max_value=BIGINT_MAX)
    campaign = forms.IntegerField(required=False, min_value=0, max_value=BIGINT_MAX)
    ad = forms.IntegerField(required=False, min_value=0, max_value=BIGINT_MAX)
    channel = forms.CharField(required=False, max_length=64)
    sort = forms.ChoiceField(required=False, choices=[(f"{sign}{c.name}", "") for c in COLUMNS for sign in ("", "-")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is shown. None: not restricted."""

    group_by: str = "advertiser"
    source: str | None = None
    platform: str | None = None
    advertiser: int | None = None
    campaign: int | None = None
    ad: int | None = None
    channel: str | None = None
    sort: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        names = ("group_by", "source", "platform", "advertiser", "campaign", "ad", "channel", "sort")
        return {name: str(value) for name in names if (value := getattr(self, name)) not in (None, "")}

    def within(self, scope: Scope) -> Scope:
        is_organic = None if self.source is None else self.source == ORGANIC
        if self.advertiser is not None:
            is_organic = False
        return replace(
            scope,
            is_organic=is_organic,
            platform=self.platform,
            advertiser_id=self.advertiser,
            campaign_id=self.campaign,
            ad_id=self.ad,
            channel=self.channel,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is shown, and the address of the rows behind it; empty if no rows can be shown."""

    text: str
    url: str
    begins_cohort: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the table as it is shown."""

    name: str
    hint: str
    url: str
    cells: list[Cell]


def page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    today = timezone.localdate()
    chosen = period.read(request.GET, today=today)
    selection, errors = _read(request.GET)
    scope = selection.within(chosen.scope)
    rows, total = table.table(scope, [selection.group_by], today=today)
    if request.GET.get("format") == "csv" and not (errors or chosen.errors):
        return _as_csv(scope, selection, rows)
    _sort(rows, selection)
    shown = {
        "title": _("Statistics"),
        "period": chosen,
        "errors": errors,
        "kept": {name: value for name, value in selection.parameters.items() if name != "sort"},
        "kept_query": "&" + urlencode(selection.parameters),
        "trail": _trail(scope, selection, chosen),
        "dimensions": [_tab(name, title, selection, chosen) for name, title in DIMENSIONS.items()],
        "sources": [_source_tab(name, selection, chosen) for name in (None, *SOURCES)],
        "dimension": DIMENSIONS[selection.group_by],
        "event_columns": [_heading(column, selection, chosen) for column in EVENT_COLUMNS],
        "cohort_columns": [_heading(column, selection, chosen) for column in COHORT_COLUMNS],
        "event_width": len(EVENT_COLUMNS),
        "cohort_width": len(COHORT_COLUMNS),
        "lines": [_line(row, scope, selection, chosen) for row in rows[:MAX_SHOWN]],
        "total": _cells(total, scope),
        "left_out": max(len(rows) - MAX_SHOWN, 0),
        "csv_url": _url(chosen, selection, format="csv"),
    }
    return TemplateResponse(request, "admin/statistics.html", admin.site.each_context(request) | shown)


def _read(query: Mapping[str, Any]) -> tuple[Selection, list[str]]:
    """The valid part of the query, and the errors in the rest."""
    form = SelectionForm(query)
    form.is_valid()
    found = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
    errors = [f"{name}: {error}" for name, listed in form.errors.items() for error in listed]
    return Selection(**found), errors


def _as_csv(scope: Scope, selection: Selection, rows: Sequence[Mapping[str, Any]]) -> HttpResponse:
    text = table.as_csv(table.columns([selection.group_by]), rows)
    name = f"statistics-{selection.group_by}-{scope.since}-{scope.until}.csv"
    # With a byte order mark: without it Excel takes Chinese names for Latin ones.
    return HttpResponse(
        "\ufeff" + text, content_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _sort(rows: list[dict[str, Any]], selection: Selection) -> None:
    """Sort in place: as asked for, or else days from the newest and other rows from the most activations."""
    if selection.sort or selection.group_by != "day":
        sort = selection.sort or "-activations"
        name = sort.removeprefix("-")
        rows.sort(key=lambda row: row[name] if row[name] is not None else -1, reverse=sort.startswith("-"))
    else:
        rows.reverse()


def _url(chosen: Period, selection: Selection, **others: Any) -> str:
    return links.statistics(**chosen.parameters, **selection.parameters, **others)


def _tab(name: str, title: Promise, selection: Selection, chosen: Period) -> dict[str, Any]:
    url = _url(chosen, replace(selection, group_by=name, sort=""))
    return {"title": title, "url": url, "is_chosen": name == selection.group_by}


def _source_tab(name: str | None, selection: Selection, chosen: Period) -> dict[str, Any]:
    url = _url(chosen, Selection(group_by=selection.group_by, source=name, channel=selection.channel))
    title = SOURCES[name] if name else _("All users")
    return {"title": title, "url": url, "is_chosen": name == selection.source and selection.advertiser is None}


def _heading(column: Figure, selection: Selection, chosen: Period) -> dict[str, Any]:
    falling, rising = f"-{column.name}", column.name
    sort = rising if selection.sort == falling else falling
    order = {falling: "descending", rising: "ascending"}.get(selection.sort, "none")
    return {"title": column.title, "url": _url(chosen, replace(selection, sort=sort)), "order": order}


def _trail(scope: Scope, selection: Selection, chosen: Period) -> list[dict[str, Any]]:
    """The way back up: all advertisers, this advertiser's campaigns, this campaign's ads."""
    steps = [(_("All"), Selection(source=selection.source))]
    steps += _levels(scope, selection)
    if selection.source == ORGANIC:
        steps.append((_("Organic"), Selection(source=ORGANIC, group_by="day")))
    if selection.channel is not None:
        channel = selection.channel
        steps.append((_("Channel %(channel)s") % {"channel": channel}, Selection(channel=channel, group_by="day")))
    return [{"title": title, "url": _url(chosen, within)} for title, within in steps]


def _levels(scope: Scope, selection: Selection) -> list[tuple[str, Selection]]:
    """The chosen levels among advertiser, campaign and ad."""
    names = groups.names_of_ad(scope)
    within = Selection(platform=selection.platform)
    found = []
    for level, below in itertools.pairwise(LEVELS):
        platform_id = getattr(selection, level)
        if platform_id is not None:
            within = replace(within, **{level: platform_id}, group_by=below)
            found.append((f"{DIMENSIONS[level]} {names[f'{level}_name'] or platform_id}", within))
    return found


def _line(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Line:
    name, hint, url = _LINES[selection.group_by](row, scope, selection, chosen)
    return Line(name=name, hint=hint, url=url, cells=_cells(row, _scope_of(row, scope, selection, chosen)))


def _cells(row: Mapping[str, Any], scope: Scope) -> list[Cell]:
    return [_cell(column, row[column.name], scope) for column in COLUMNS]


def _cell(column: Figure, value: Any, scope: Scope) -> Cell:
    url = links.behind(column.behind, scope) if value and column.behind else ""
    return Cell(TEXTS[column.format](value), url, column is COHORT_COLUMNS[0])


def _scope_of(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Scope:
    """The part that a row of the table sums up."""
    if selection.group_by == "day":
        return replace(scope, since=row["day"], until=row["day"])
    if selection.group_by == "channel":
        return replace(scope, channel=row["channel"])
    if selection.group_by == "app":
        return replace(scope, app_ids=[app.pk for app in chosen.apps if app.slug == row["app"]])
    if row["source"] == ORGANIC:
        return replace(scope, is_organic=True)
    depth = LEVELS.index(selection.group_by) + 1
    ids: dict[str, Any] = {f"{level}_id": int(row[f"{level}_id"]) for level in LEVELS[:depth]}
    return replace(scope, is_organic=False, platform=row["platform"], **ids)


# A row's name, the hint below it, and the address that it leads to.
Described = tuple[str, str, str]


def _level(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Described:
    """One level down: an advertiser's campaigns, a campaign's ads, an ad's days."""
    if row["source"] == ORGANIC:
        return _("Organic"), _("no ad is known"), _url(chosen, Selection(source=ORGANIC, group_by="day"))
    depth = LEVELS.index(selection.group_by) + 1
    ids = {level: row[f"{level}_id"] for level in LEVELS[:depth]}
    within = replace(selection, **ids, platform=row["platform"], group_by=LEVELS[depth], source=None, sort="")
    return *_called(row, selection.group_by), _url(chosen, within)


def _called(row: Mapping[str, Any], level: str) -> tuple[str, str]:
    name, platform_id = row[f"{level}_name"], row[f"{level}_id"]
    if platform_id == "0":
        return _("without an id"), ""
    return (name, platform_id) if name else (platform_id, "")


def _day(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Described:
    """The last step: to the send records."""
    day: date = row["day"]
    return day.isoformat(), date_format(day, "l"), links.records(replace(scope, since=day, until=day))


def _channel(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Described:
    if not row["channel"]:
        return _("no channel"), _("clicks have none"), ""
    return row["channel"], "", _url(chosen, replace(selection, channel=row["channel"], group_by="day", sort=""))


def _app(row: Mapping[str, Any], scope: Scope, selection: Selection, chosen: Period) -> Described:
    app = next((app for app in chosen.apps if app.slug == row["app"]), None)
    return row["app"], "", _url(replace(chosen, app=app), replace(selection, group_by="advertiser", sort=""))


_LINES: dict[str, Callable[[Mapping[str, Any], Scope, Selection, Period], Described]] = {
    "advertiser": _level,
    "campaign": _level,
    "ad": _level,
    "day": _day,
    "channel": _channel,
    "app": _app,
}
