"""Addresses of the rows behind a number: the admin's lists with the filters of `attribution.filtering`."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from attribution.reports import Scope


def records(scope: Scope | None = None, **filters: Any) -> str:
    """The send records of the scope's days, app, advertiser and ad."""
    return _list("conversion", scope, filters)


def clicks(scope: Scope, **filters: Any) -> str:
    return _list("click", scope, filters)


def record(conversion_id: Any) -> str:
    return reverse("admin:attribution_conversion_change", args=[conversion_id])


def statistics(**parameters: Any) -> str:
    return f"{reverse('statistics')}?{urlencode(parameters)}"


def _list(model: str, scope: Scope | None, filters: dict[str, Any]) -> str:
    parameters = _of_scope(scope) | filters if scope else filters
    url = reverse(f"admin:attribution_{model}_changelist")
    return f"{url}?{urlencode(parameters)}" if parameters else url


def _of_scope(scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {"since": scope.since.isoformat(), "until": scope.until.isoformat()}
    if scope.app_ids is not None:
        [found["app"]] = scope.app_ids
    if scope.advertiser_id is not None:
        found["advertiser"] = scope.advertiser_id
    if scope.ad_id is not None:
        found["ad"] = scope.ad_id
    return found
