"""The admin's first page: how the ads did, whether anything is stuck, and what is happening now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution.admin.pages import activity, links, operations, period
from attribution.admin.pages.formats import TEXTS, Change, change, count, percent
from attribution.admin.pages.period import Period
from attribution.announcing.live_feed import PERMISSION
from attribution.models import App, Conversion, Event
from attribution.statistics import reports
from attribution.statistics.figures import BY_NAME, FIGURES, Behind, Figure
from attribution.statistics.formulas import Number, quotient
from attribution.statistics.reports import Numbers, Overview
from attribution.statistics.scopes import Scope

TOP_ADS = 8
CARDS = sorted((figure for figure in FIGURES if figure.card is not None), key=lambda figure: figure.card or 0)
# Which figures a chart and a table of few columns are made of.
TREND = ("clicks", "attributed_activations", "organic_activations", "registrations", "paying_users")
TOP_AD_COLUMNS = [BY_NAME[name] for name in ("clicks", "activations", "activation_rate", "paying_users", "amount_fen")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A number, what it was before, and the address of what is behind it."""

    title: str
    value: str
    before: str
    change: Change
    url: str
    note: str = ""


def context(request: HttpRequest, unfolds: dict[str, Any]) -> dict[str, Any]:
    """The context of unfold's index page, extended; called by `UNFOLD["DASHBOARD_CALLBACK"]`."""
    if not request.user.has_perm(PERMISSION):
        return unfolds
    now = timezone.now()
    chosen = period.read(request.GET, today=timezone.localdate(now))
    shown = {
        "title": _("Dashboard"),
        "period": chosen,
        "operations": operations.look(now),
        "activity": activity.newest(),
        "records_url": links.records(),
        "has_apps": bool(chosen.apps),
        "has_events": Conversion.objects.exists(),
        "monitor_link_app": App.objects.order_by("pk").first(),
    }
    return unfolds | shown | _numbers(chosen)


def _numbers(chosen: Period) -> dict[str, Any]:
    scope, before = chosen.scope, chosen.scope.previous()
    overview = reports.overview(scope, today=chosen.today)
    return {
        "before": before,
        "cards": _cards(chosen, overview, reports.overview(before, today=chosen.today)),
        "organic_split": _organic_split(overview.numbers, scope),
        "trend": _trend(overview.days),
        "funnel": _funnel(scope, overview.funnel),
        "top_ads": _top_ads(scope, chosen),
        "is_empty": not any(overview.numbers.values()),
    }


def _cards(chosen: Period, now: Overview, before: Overview) -> list[Card]:
    return [_card(figure, chosen, now.numbers[figure.name], before.numbers[figure.name]) for figure in CARDS]


def _card(figure: Figure, chosen: Period, now: Number, before: Number) -> Card:
    text = TEXTS[figure.format]
    by_day = links.statistics(**chosen.parameters, group_by="day")
    return Card(
        title=str(figure.title),
        value=text(now),
        before=text(before),
        change=change(now, before),
        url=_url(figure, chosen.scope) or by_day,
        note=str(figure.note),
    )


def _organic_split(numbers: Numbers, scope: Scope) -> dict[str, Any]:
    share = quotient(numbers["attributed_activations"], numbers["activations"])
    return {
        "attributed": count(numbers["attributed_activations"]),
        "attributed_url": links.behind(Behind(Event.ACTIVE, is_organic=False), scope),
        "organic": count(numbers["organic_activations"]),
        "organic_url": links.behind(Behind(Event.ACTIVE, is_organic=True), scope),
        "share": percent(share),
        "width": round(100 * share) if share is not None else 0,
        "is_known": share is not None,
    }


def _trend(days: Sequence[tuple[date, Numbers]]) -> dict[str, Any]:
    """For the chart; amounts in yuan."""
    return {
        "days": [day.isoformat() for day, _numbers in days],
        "series": {name: [numbers[name] for _day, numbers in days] for name in TREND}
        | {"amount": [(numbers["amount_fen"] or 0) / 100 for _day, numbers in days]},
        "labels": {name: str(BY_NAME[name].title) for name in TREND} | {"amount": _("Revenue (CNY)")},
    }


def _funnel(scope: Scope, steps: Sequence[reports.Step]) -> list[dict[str, Any]]:
    most = max(step.count for step in steps) or 1
    return [_step(BY_NAME[step.name], step, replace(scope, is_organic=False), most) for step in steps]


def _step(figure: Figure, step: reports.Step, from_ads: Scope, most: int) -> dict[str, Any]:
    return {
        "title": str(figure.title),
        "url": _url(figure, from_ads),
        "count": count(step.count),
        "rate": percent(step.rate) if step.rate is not None else "",
        "width": max(100 * step.count / most, 0.5),
    }


def _top_ads(scope: Scope, chosen: Period) -> list[dict[str, Any]]:
    rows = reports.top_ads(scope, TOP_AD_COLUMNS, today=chosen.today, limit=TOP_ADS)
    return [_top_ad(row, scope, chosen) for row in rows]


def _top_ad(row: Mapping[str, Any], scope: Scope, chosen: Period) -> dict[str, Any]:
    ids = {level: int(row[f"{level}_id"]) for level in ("advertiser", "campaign", "ad")}
    of_ad = replace(
        scope,
        is_organic=False,
        platform=row["platform"],
        advertiser_id=ids["advertiser"],
        campaign_id=ids["campaign"],
        ad_id=ids["ad"],
    )
    return {
        "name": row["ad_name"] or row["ad_id"],
        "campaign": row["campaign_name"] or row["campaign_id"],
        "advertiser": row["advertiser_name"] or row["advertiser_id"],
        "url": links.statistics(**chosen.parameters, group_by="day", platform=row["platform"], **ids),
        "numbers": [(TEXTS[figure.format](row[figure.name]), _url(figure, of_ad)) for figure in TOP_AD_COLUMNS],
    }


def _url(figure: Figure, scope: Scope) -> str:
    return links.behind(figure.behind, scope) if figure.behind else ""
