"""Addresses of the rows behind a number: the admin's lists with the filters of `attribution.records.filtering`."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from attribution.devices.match_types import MatchType
from attribution.platforms.registry import platforms
from attribution.records.filtering import ATTRIBUTED, NONE, ORGANIC
from attribution.statistics.figures import Behind
from attribution.statistics.scopes import Scope


def behind(what: Behind, scope: Scope) -> str:
    """The rows of the scope that a figure counts; empty where there can be none."""
    if what.is_organic is not None:
        scope = replace(scope, is_organic=what.is_organic)
    if what.event:
        return records(scope, event=what.event)
    return "" if scope.is_organic or scope.channel else clicks(scope)


def records(scope: Scope | None = None, **filters: Any) -> str:
    """The send records of the scope."""
    return _list("conversion", (_of_users(scope) if scope else {}) | filters)


def clicks(scope: Scope, **filters: Any) -> str:
    """The clicks of the scope. Clicks have neither a channel nor a user."""
    return _list("click", _of_rows(scope) | {"match_type": MatchType.CLICK.value} | filters)


def attributions(scope: Scope) -> str:
    """The users whom the scope's clicks brought."""
    return _list("attribution", _of_rows(scope) | {"attributed": 1, "match_type": MatchType.CLICK.value})


def record(conversion_id: Any) -> str:
    return reverse("admin:attribution_conversion_change", args=[conversion_id])


def statistics(**parameters: Any) -> str:
    return f"{reverse('statistics')}?{urlencode(parameters)}"


def _list(model: str, parameters: dict[str, Any]) -> str:
    url = reverse(f"admin:attribution_{model}_changelist")
    return f"{url}?{urlencode(parameters)}" if parameters else url


def _of_users(scope: Scope) -> dict[str, Any]:
    found = _of_rows(scope)
    if scope.is_organic is not None and scope.advertiser_id is None:
        found["source"] = ORGANIC if scope.is_organic else ATTRIBUTED
    if scope.channel is not None:
        found["channel"] = scope.channel or NONE
    return found


def _of_rows(scope: Scope) -> dict[str, Any]:
    """Days, app and ad."""
    found: dict[str, Any] = {"since": scope.since.isoformat(), "until": scope.until.isoformat()}
    if scope.app_ids is not None:
        [found["app"]] = scope.app_ids
    # Of records it is one more look-up for each row: left out where it chooses nothing.
    if scope.platform is not None and len(platforms()) > 1:
        found["platform"] = scope.platform
    # An ad belongs to one campaign, and a campaign to one advertiser. PostgreSQL does not know this: it would expect
    # far fewer rows to match all three ids than do, and read the whole table for them.
    for name, platform_id in (
        ("ad", scope.ad_id),
        ("campaign", scope.campaign_id),
        ("advertiser", scope.advertiser_id),
    ):
        if platform_id is not None:
            found[name] = platform_id
        if platform_id:
            break
    return found
