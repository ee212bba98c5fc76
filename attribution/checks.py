"""System checks for settings that are valid one by one but not together."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from attribution.delivery.calls import CALLS_PER_THREAD
from attribution.platforms.http import Timeouts
from attribution.platforms.registry import platforms


@checks.register
def lease_outlasts_calls(**kwargs: Any) -> list[checks.CheckMessage]:
    """A row whose lease ends during its calls is sent again by another worker."""
    found: list[checks.CheckMessage] = []
    for timeouts in _timeouts():
        needed_s = 2 * CALLS_PER_THREAD * timeouts.longest_s  # a query, then a report, each behind another call
        if needed_s > settings.CONVERSION_LEASE_S:
            found.append(
                checks.Error(
                    f"CONVERSION_LEASE_S={settings.CONVERSION_LEASE_S:g}: "
                    f"a query and a report may take {needed_s:g} s.",
                    hint=f"A longer lease, or shorter {timeouts.settings}.",
                    id="attribution.E001",
                )
            )
    return found


@checks.register
def total_timeout_outlasts_read(**kwargs: Any) -> list[checks.CheckMessage]:
    """The total is looked at between reads: a single one may not be longer."""
    return [
        checks.Error(f"{timeouts.settings}: the total is less than one read.", id="attribution.E002")
        for timeouts in _timeouts()
        if timeouts.total_s < timeouts.read_s
    ]


@checks.register
def platforms_can_be_loaded(**kwargs: Any) -> list[checks.CheckMessage]:
    """Otherwise the first click, event or worker would be the one to find out."""
    try:
        platforms()
    except ImproperlyConfigured as err:
        return [
            checks.Error(
                str(err),
                hint="A slug and the dotted path of its class.",
                id="attribution.E003",
            )
        ]
    return []


def _timeouts() -> list[Timeouts]:
    """Of all platforms; none where they can't be loaded, which has a check of its own."""
    try:
        return [platform.timeouts for platform in platforms().values()]
    except ImproperlyConfigured:
        return []
