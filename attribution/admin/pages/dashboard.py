"""The admin's first page: how the ads did, whether anything is stuck, and what is happening now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution.admin.pages import activity, links, operations, period
from attribution.admin.pages.formats import Change, change, count, money, percent
from attribution.admin.pages.period import Period
from attribution.live_feed import PERMISSION
from attribution.models import App, Conversion, Event
from attribution.statistics import reports
from attribution.statistics.reports import Metrics, Overview, Scope

TOP_ADS = 8


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
    """What unfold's index page gets besides its own: see `UNFOLD["DASHBOARD_CALLBACK"]`."""
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
        "organic_split": _organic_split(overview.metrics, scope),
        "trend": _trend(overview.days),
        "funnel": _funnel(scope, overview.funnel),
        "top_ads": _top_ads(scope, chosen),
        "is_empty": overview.metrics == Metrics(),
    }


def _cards(chosen: Period, now: Overview, before: Overview) -> list[Card]:
    scope = chosen.scope

    def card(title: str, name: str, text: Callable[[Any], str], url: str, note: str = "") -> Card:
        view = "metrics" if hasattr(now.metrics, name) else "cohort"
        mine, theirs = (getattr(getattr(side, view), name) for side in (now, before))
        return Card(title=title, value=text(mine), before=text(theirs), change=change(mine, theirs), url=url, note=note)

    def events(event: Event) -> str:
        return links.records(scope, event=event)

    by_day = links.statistics(**chosen.parameters, group_by="day")
    return [
        card(_("Clicks"), "clicks", count, links.clicks(scope)),
        card(_("Activations"), "activations", count, events(Event.ACTIVE)),
        card(_("Registrations"), "registrations", count, events(Event.REGISTER)),
        card(_("Paying users"), "paying_users", count, events(Event.PAY)),
        card(_("Revenue"), "amount_fen", money, events(Event.PAY)),
        card(_("Activation rate"), "activation_rate", percent, by_day, _("activations from ads / clicks")),
        card(_("Next-day retention"), "retention_day_1", percent, by_day, _("of the users activated in this period")),
        card(_("Value per user, day 0"), "value_day_0_fen", money, by_day, _("paid on the day of the activation")),
    ]


def _organic_split(metrics: Metrics, scope: Scope) -> dict[str, Any]:
    share = reports.quotient(metrics.attributed_activations, metrics.activations)
    return {
        "attributed": count(metrics.attributed_activations),
        "attributed_url": links.records(replace(scope, is_organic=False), event=Event.ACTIVE),
        "organic": count(metrics.organic_activations),
        "organic_url": links.records(replace(scope, is_organic=True), event=Event.ACTIVE),
        "share": percent(share),
        "width": round(100 * share) if share is not None else 0,
        "is_known": share is not None,
    }


def _trend(days: Sequence[tuple[Any, Metrics]]) -> dict[str, Any]:
    """For the chart; amounts in yuan."""
    series = ["clicks", "attributed_activations", "organic_activations", "registrations", "paying_users"]
    return {
        "days": [day.isoformat() for day, _metrics in days],
        "series": {name: [getattr(metrics, name) for _day, metrics in days] for name in series}
        | {"amount": [metrics.amount_fen / 100 for _day, metrics in days]},
        "labels": {
            "clicks": _("Clicks"),
            "attributed_activations": _("Activations from ads"),
            "organic_activations": _("Organic activations"),
            "registrations": _("Registrations"),
            "paying_users": _("Paying users"),
            "amount": _("Revenue (CNY)"),
        },
    }


def _funnel(scope: Scope, steps: Sequence[reports.Step]) -> list[dict[str, Any]]:
    from_ads = replace(scope, is_organic=False)
    titles = {
        "clicks": (_("Clicks"), links.clicks(scope)),
        "activations": (_("Activations"), links.records(from_ads, event=Event.ACTIVE)),
        "registrations": (_("Registrations"), links.records(from_ads, event=Event.REGISTER)),
        "paying_users": (_("Paying users"), links.records(from_ads, event=Event.PAY)),
    }
    most = max(step.count for step in steps) or 1
    return [
        {
            "title": titles[step.name][0],
            "url": titles[step.name][1],
            "count": count(step.count),
            "rate": percent(step.rate) if step.rate is not None else "",
            "width": max(100 * step.count / most, 0.5),
        }
        for step in steps
    ]


def _top_ads(scope: Scope, chosen: Period) -> list[dict[str, Any]]:
    return [_top_ad(row, scope, chosen) for row in reports.top_ads(scope, limit=TOP_ADS)]


def _top_ad(row: reports.Row, scope: Scope, chosen: Period) -> dict[str, Any]:
    group, metrics = row.group, row.metrics
    ids: dict[str, Any] = {"advertiser": group.advertiser_id, "campaign": group.campaign_id, "ad": group.ad_id}
    of_ad = replace(scope, is_organic=False, **{f"{level}_id": platform_id for level, platform_id in ids.items()})
    payments = links.records(of_ad, event=Event.PAY)
    return {
        "name": group.ad_name or str(group.ad_id),
        "campaign": group.campaign_name or str(group.campaign_id),
        "advertiser": group.advertiser_name or str(group.advertiser_id),
        "url": links.statistics(**chosen.parameters, group_by="day", **ids),
        "numbers": [
            (count(metrics.clicks), links.clicks(of_ad)),
            (count(metrics.activations), links.records(of_ad, event=Event.ACTIVE)),
            (percent(metrics.activation_rate), ""),
            (count(metrics.paying_users), payments),
            (money(metrics.amount_fen), payments),
        ],
    }
