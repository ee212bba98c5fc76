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
    """If a row's lease ends during its calls, another worker sends it again."""
    found: list[checks.CheckMessage] = []
    for timeouts in _timeouts():
        needed_s = 2 * CALLS_PER_THREAD * timeouts.longest_s  # a query, then a report, each behind another call
        if needed_s > settings.CONVERSION_LEASE_S:
            found.append(
                checks.Error(
                    f"CONVERSION_LEASE_S={settings.CONVERSION_LEASE_S:g}: "
                    f"a query and a report may take {needed_s:g} s.",
                    hint=f"Set a longer lease, or shorter {timeouts.settings}.",
                    id="attribution.E001",
                )
            )
    return found


@checks.register
def total_timeout_outlasts_read(**kwargs: Any) -> list[checks.CheckMessage]:
    """The total timeout is checked between reads, so a single read must not take longer."""
    return [
        checks.Error(f"{timeouts.settings}: the total timeout is shorter than the read timeout.", id="attribution.E002")
        for timeouts in _timeouts()
        if timeouts.total_s < timeouts.read_s
    ]


@checks.register
def platforms_can_be_loaded(**kwargs: Any) -> list[checks.CheckMessage]:
    """Without this check the first click, event or worker would run into the error."""
    try:
        platforms()
    except ImproperlyConfigured as err:
        return [
            checks.Error(
                str(err),
                hint="Each item is a slug and the dotted path of the platform's class.",
                id="attribution.E003",
            )
        ]
    return []


def _timeouts() -> list[Timeouts]:
    """The timeouts of all platforms; empty if the platforms can't be loaded, which another check reports."""
    try:
        return [platform.timeouts for platform in platforms().values()]
    except ImproperlyConfigured:
        return []
