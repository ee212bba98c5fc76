"""What looks like fraud: devices with too many clicks, and ads whose installs come too soon or too evenly."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attribution.admin.pages import formats, links, period
from attribution.admin.pages.period import Period
from attribution.clicks import curves, floods
from attribution.clicks.curves import Curve
from attribution.clicks.floods import DeviceClicks
from attribution.clicks.matching import LABELS
from attribution.platforms.registry import name_of
from foundation.database import patience
from foundation.days import midnight

PERMISSION = "attribution.view_click"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`marks`: facts in columns."""

    name: Any
    hint: Any
    url: str
    marks: list[str]
    reasons: list[str]


def page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    chosen = period.read(request.GET, today=timezone.localdate())
    shown = {"title": _("Suspicious clicks"), "period": chosen, "buckets": curves.TITLES, "errors": []}
    try:
        with patience.limited():
            shown |= _found(chosen)
    except patience.TooManyRowsError as err:
        shown["errors"] = [str(err)]
    return TemplateResponse(request, "admin/attribution/suspicious.html", admin.site.each_context(request) | shown)


def _found(chosen: Period) -> dict[str, Any]:
    scope = chosen.scope
    when: dict[str, Any] = {"since": midnight(scope.since), "until": midnight(scope.until + timedelta(days=1))}
    flooding = floods.find(**when, app_ids=scope.app_ids)
    found = curves.find(**when, app_ids=scope.app_ids)
    slugs = {app.pk: app.slug for app in chosen.apps}
    return {
        "devices": [_device(each, chosen, slugs) for each in flooding.devices],
        "clicks_read_since": flooding.read_since,
        "curves": [_curve(each, chosen) for each in found.curves],
        "total": _curve(found.total, chosen) if found.total.installs else None,
        "bars": [round(share * 100) for share in found.total.shares],
        "users_read_since": found.read_since,
    }


def _device(found: DeviceClicks, chosen: Period, slugs: dict[int, str]) -> Line:
    return Line(
        name=f"{LABELS[found.kind]} {found.digest.hex()[:8]}…",
        hint=slugs.get(found.app_id, ""),
        url=links.clicks(replace(chosen.scope, app_ids=[found.app_id]), device=f"{found.kind}-{found.digest.hex()}"),
        marks=[
            formats.count(found.clicks),
            formats.count(found.most_an_hour),
            formats.count(found.ads),
            _moment(found.first_at),
            _moment(found.last_at),
        ],
        reasons=[found.reason] if found.reason else [],
    )


def _curve(found: Curve, chosen: Period) -> Line:
    scope = replace(
        chosen.scope,
        platform=found.platform or None,
        advertiser_id=found.advertiser_id,
        campaign_id=found.campaign_id,
        ad_id=found.ad_id,
    )
    campaign = found.campaign_name or found.campaign_id
    return Line(
        name=found.ad_name or found.ad_id or campaign or found.advertiser_id or formats.NONE,
        hint=" · ".join(filter(None, [name_of(found.platform), str(found.advertiser_id or "")])),
        url=links.attributions(scope),
        marks=[formats.count(found.installs), *(formats.percent(share) for share in found.shares)],
        reasons=found.reasons,
    )


def _moment(at: datetime) -> str:
    return formats.moment(at) or formats.NONE
