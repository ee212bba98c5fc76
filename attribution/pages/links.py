"""Addresses of the rows behind a number: the admin's lists, filtered by Django's own look-ups."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from attribution.reports import Scope


def records(scope: Scope | None = None, **lookups: Any) -> str:
    """The send records of the scope's days, app and advertiser."""
    return _list("conversion", scope, "occurred_at", lookups)


def clicks(scope: Scope, **lookups: Any) -> str:
    return _list("click", scope, "clicked_at", lookups)


def record(conversion_id: Any) -> str:
    return reverse("admin:attribution_conversion_change", args=[conversion_id])


def statistics(**parameters: Any) -> str:
    return f"{reverse('statistics')}?{urlencode(parameters)}"


def _list(model: str, scope: Scope | None, moment: str, lookups: dict[str, Any]) -> str:
    parameters = _of_scope(scope, moment) | lookups if scope else lookups
    return f"{reverse(f'admin:attribution_{model}_changelist')}?{urlencode(parameters)}"


def _of_scope(scope: Scope, moment: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"{moment}__gte": _midnight(scope.since),
        f"{moment}__lt": _midnight(scope.until + timedelta(days=1)),
    }
    if scope.app_ids is not None:
        [found["app__id__exact"]] = scope.app_ids
    if scope.advertiser_id is not None:
        found["advertiser_id"] = scope.advertiser_id
    return found


def _midnight(day: date) -> str:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone()).isoformat()
