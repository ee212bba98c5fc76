"""Replaces one advertiser's day with the platform's report, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from attribution.costs.amounts import centifen_of_decimal
from attribution.models import AdCost, CostAccount, CreativeCost
from attribution.models.costs import COST_KEY
from attribution.platforms.cost_source import AdDay, CreativeFigures, Figures
from foundation.database import bulk

AD_FIGURES = ["campaign_name", "ad_name", "cost_centifen", "impressions", "clicks", "conversions", "counted"]
CREATIVE_FIGURES = ["creative_name", "cost_centifen", "impressions", "clicks", "conversions"]


def replace_day(account: CostAccount, day: date, ad_days: Sequence[AdDay], *, now: datetime) -> dict[str, Any] | None:
    """Store the day; returns what changed, or None if nothing did.

    A report replaces uploaded costs for the advertiser's day. A report without any ad does not: the platform may not
    know the day yet.
    """
    with transaction.atomic():
        # One import at a time: two that find no rows would both insert.
        CostAccount.objects.select_for_update().get(pk=account.pk)
        known = AdCost.objects.filter(day=day, platform=account.platform, advertiser_id=account.advertiser_id)
        if not ad_days:
            known = known.filter(source=AdCost.Source.IMPORT)
        before = _stored(known)
        after = {(each.campaign_id, each.ad_id): _of_ad_day(each) for each in ad_days}
        if before == after:
            return None
        known.delete()
        _insert(account, day, ad_days, now)
    costs = [sum(ad["cost_centifen"] for ad in ads.values()) for ads in (before, after)]
    return {"day": str(day), "ads": len(after), "before": costs[0], "after": costs[1]}


def _stored(rows: Any) -> dict[tuple[int, int], dict[str, Any]]:
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for row in rows.prefetch_related("creatives"):
        creatives = {
            each.creative_id: {name: getattr(each, name) for name in CREATIVE_FIGURES} for each in row.creatives.all()
        }
        ad = {name: getattr(row, name) for name in AD_FIGURES} | {"creatives": creatives, "source": row.source}
        found[row.campaign_id, row.ad_id] = ad
    return found


def _of_ad_day(given: AdDay) -> dict[str, Any]:
    return {
        "campaign_name": given.campaign_name,
        "ad_name": given.ad_name,
        **_of_figures(given.figures),
        "counted": given.figures.counted,
        "creatives": {each.creative_id: _of_creative(each) for each in given.creatives},
        "source": AdCost.Source.IMPORT,
    }


def _of_creative(given: CreativeFigures) -> dict[str, Any]:
    return {"creative_name": given.creative_name, **_of_figures(given.figures)}


def _of_figures(figures: Figures) -> dict[str, Any]:
    return {
        "cost_centifen": centifen_of_decimal(figures.cost_yuan),
        "impressions": figures.impressions,
        "clicks": figures.clicks,
        "conversions": figures.conversions,
    }


def _insert(account: CostAccount, day: date, ad_days: Sequence[AdDay], now: datetime) -> None:
    if not ad_days:
        return
    of_day = {"day": day, "platform": account.platform, "advertiser_id": account.advertiser_id, "stored_at": now}
    rows = [_row(each, of_day) for each in ad_days]
    keys = {(row.campaign_id, row.ad_id): row.pk for row in bulk.upsert(rows, unique=COST_KEY)}
    creatives = [
        CreativeCost(
            ad_cost_id=keys[each.campaign_id, each.ad_id], creative_id=creative.creative_id, **_of_creative(creative)
        )
        for each in ad_days
        for creative in each.creatives
    ]
    if creatives:
        bulk.upsert(creatives, unique=["ad_cost", "creative_id"])


def _row(given: AdDay, of_day: Mapping[str, Any]) -> AdCost:
    fields = _of_ad_day(given)
    del fields["creatives"]
    return AdCost(campaign_id=given.campaign_id, ad_id=given.ad_id, **of_day, **fields)
