"""System checks for settings that are valid one by one but not together."""

from typing import Any

from django.conf import settings
from django.core import checks

from attribution.delivery.calls import CALLS_PER_THREAD


@checks.register
def lease_outlasts_calls(**kwargs: Any) -> list[checks.CheckMessage]:
    """A row whose lease ends during its calls is sent again by another worker."""
    call_s = settings.OCEANENGINE_CONNECT_TIMEOUT_S + settings.OCEANENGINE_TOTAL_TIMEOUT_S
    needed_s = 2 * CALLS_PER_THREAD * call_s  # a query, then a report, each behind another call
    if needed_s <= settings.CONVERSION_LEASE_S:
        return []
    return [
        checks.Error(
            f"CONVERSION_LEASE_S={settings.CONVERSION_LEASE_S:g}: a query and a report may take {needed_s:g} s.",
            hint="A longer lease, or shorter OCEANENGINE_*_TIMEOUT_S.",
            id="attribution.E001",
        )
    ]


@checks.register
def total_timeout_outlasts_read(**kwargs: Any) -> list[checks.CheckMessage]:
    """The total is looked at between reads: a single one may not be longer."""
    if settings.OCEANENGINE_TOTAL_TIMEOUT_S >= settings.OCEANENGINE_READ_TIMEOUT_S:
        return []
    return [checks.Error("OCEANENGINE_TOTAL_TIMEOUT_S is less than OCEANENGINE_READ_TIMEOUT_S.", id="attribution.E002")]
