"""Ocean Engine's report of costs: per day, project and promotion; and per material within each promotion.

Figures are texts, money is in yuan. Today's figures change; yesterday's are final at about eight in the morning.
Reference: https://open.oceanengine.com/labels/7/docs/1741387668314126
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from django.conf import settings

from attribution.platforms.cost_source import (
    Account,
    AdDay,
    CostError,
    CostReport,
    CostSource,
    CreativeFigures,
    Figures,
    Remedy,
    Tokens,
)
from attribution.platforms.oceanengine import marketing, oauth
from foundation.database.columns import BIGINT_MAX

PAGE_SIZE = 1000
MAX_PAGES = 1000
# How often a report is read at most, if it changes while being read.
READINGS = 3
DAY, PROJECT, PROJECT_NAME = "stat_time_day", "cdp_project_id", "cdp_project_name"
PROMOTION, PROMOTION_NAME = "cdp_promotion_id", "cdp_promotion_name"
# Not found in any public table: if the vendor refuses them, costs come without materials and the log says so.
MATERIAL, MATERIAL_NAME = "material_id", "material_name"
OF_ADS = [DAY, PROJECT, PROJECT_NAME, PROMOTION, PROMOTION_NAME]
OF_MATERIALS = [DAY, PROJECT, PROMOTION, MATERIAL, MATERIAL_NAME]
# The vendor's counts by our events. It counts first payments as active_pay, and all payments as game_pay_count.
COUNTED = {
    "active": "active",
    "active_register": "active_register",
    "active_pay": "active_pay",
    "game_pay_count": "game_pay_count",
    "next_day_open": "next_day_open",
    "game_addiction": "game_addiction",
}
METRICS = ["stat_cost", "show_cnt", "click_cnt", "convert_cnt"]
ABSENT = {"", "-", "--", None}


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    dimensions: dict[str, str | int | None]
    metrics: dict[str, str | int | float | None]


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[_Row] = []
    page_info: oauth.PageInfo = oauth.PageInfo()


class OceanEngineCosts(CostSource):
    """Ocean Engine's implementation of `CostSource`."""

    needed_settings = ("OCEANENGINE_APP_ID", "OCEANENGINE_APP_SECRET")
    code_parameter = "auth_code"

    def authorise_url(self, *, state: str, redirect_uri: str) -> str:
        return oauth.authorise_url(state=state, redirect_uri=redirect_uri)

    def tokens_of(self, code: str) -> Tokens:
        return oauth.tokens_of(code)

    def refreshed(self, refresh_token: str) -> Tokens:
        return oauth.refreshed(refresh_token)

    def accounts(self, access_token: str) -> list[Account]:
        return oauth.accounts(access_token)

    def costs(self, access_token: str, advertiser_id: int, *, since: date, until: date) -> CostReport:
        asked = {"advertiser_id": advertiser_id, "start_time": str(since), "end_time": str(until)}
        ads = _read(access_token, "BASIC_DATA", OF_ADS, [*METRICS, *COUNTED], asked)
        try:
            materials, note = _read(access_token, "MATERIAL_DATA", OF_MATERIALS, METRICS, asked), ""
        except CostError as err:
            if err.remedy is not Remedy.STOP:
                raise
            materials, note = [], f"materials: {err}"
        creatives = _by_ad(materials)
        return CostReport(ad_days=[_ad_day(row, creatives) for row in ads], note=note)


def _read(
    access_token: str, topic: str, dimensions: list[str], metrics: list[str], asked: Mapping[str, Any]
) -> list[_Row]:
    """All rows of the report, each once: figures change, and a row that moves between pages comes twice or never."""
    what = {"data_topic": topic, "dimensions": dimensions, "metrics": metrics}
    for _reading in range(READINGS):
        rows: dict[tuple[Any, ...], _Row] = {}
        page = _Page()
        for number in range(1, MAX_PAGES + 1):
            page = _page(access_token, number, what, asked)
            rows.update({tuple(row.dimensions.get(name) for name in dimensions): row for row in page.rows})
            if number >= page.page_info.total_page or not page.rows:
                break
        if len(rows) == page.page_info.total_number:
            return list(rows.values())
    raise CostError(f"the report changed while it was read, {READINGS} times", Remedy.RETRY)


def _page(access_token: str, number: int, what: Mapping[str, Any], asked: Mapping[str, Any]) -> _Page:
    url = f"{settings.OCEANENGINE_MARKETING_BASE_URL}/open_api/v3.0/report/custom/get/"
    parameters = {**asked, **what, "filters": [], "order_by": [], "page": number, "page_size": PAGE_SIZE}
    return oauth.decoded(marketing.get(url, access_token, **parameters), _Page)


def _by_ad(rows: list[_Row]) -> Mapping[tuple[date, int, int], list[CreativeFigures]]:
    found: dict[tuple[date, int, int], list[CreativeFigures]] = defaultdict(list)
    for row in rows:
        creative_id = _id(row, MATERIAL)
        if creative_id:
            name = _text(row.dimensions.get(MATERIAL_NAME))
            creative = CreativeFigures(creative_id=creative_id, creative_name=name, figures=_figures(row))
            found[_key(row)].append(creative)
    return found


def _ad_day(row: _Row, creatives: Mapping[tuple[date, int, int], list[CreativeFigures]]) -> AdDay:
    day, campaign_id, ad_id = _key(row)
    return AdDay(
        day=day,
        campaign_id=campaign_id,
        campaign_name=_text(row.dimensions.get(PROJECT_NAME)),
        ad_id=ad_id,
        ad_name=_text(row.dimensions.get(PROMOTION_NAME)),
        figures=_figures(row),
        creatives=creatives.get((day, campaign_id, ad_id), ()),
    )


def _key(row: _Row) -> tuple[date, int, int]:
    text = str(row.dimensions.get(DAY))[:10]  # some answers append a time
    try:
        return date.fromisoformat(text), _id(row, PROJECT), _id(row, PROMOTION)
    except ValueError as err:
        raise CostError(f"{DAY}: {text!r} is not a day", Remedy.STOP) from err


def _figures(row: _Row) -> Figures:
    counts = {ours: _count(row, theirs) for theirs, ours in COUNTED.items() if theirs in row.metrics}
    return Figures(
        cost_yuan=_decimal(row, "stat_cost"),
        impressions=_count(row, "show_cnt"),
        clicks=_count(row, "click_cnt"),
        conversions=_count(row, "convert_cnt"),
        counted={name: count for name, count in counts.items() if count},
    )


def _count(row: _Row, name: str) -> int | None:
    return None if row.metrics.get(name) in ABSENT else int(_decimal(row, name))


def _decimal(row: _Row, name: str) -> Decimal:
    given = row.metrics.get(name)
    try:
        value = Decimal("0" if given in ABSENT else str(given).replace(",", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and 0 <= value < 10**12):
        raise CostError(f"{name}: {given!r} is not a figure", Remedy.STOP)
    return value


def _id(row: _Row, name: str) -> int:
    text = str(row.dimensions.get(name) or 0)
    if text in ABSENT:
        return 0
    if not (text.isdecimal() and int(text) <= BIGINT_MAX):
        raise CostError(f"{name}: {text!r} is not an id", Remedy.STOP)
    return int(text)


def _text(value: object) -> str:
    """PostgreSQL refuses NUL."""
    return str(value or "").replace("\x00", "")[:255]
