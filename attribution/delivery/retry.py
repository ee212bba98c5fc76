"""When a conversion is tried again: pure arithmetic on times.

A retry waits for the next delay of the schedule, ±20 %, so that calls which failed together do not return together. A
Retry-After takes precedence over the schedule, within limits; no time is later than `give_up_at`.
"""

import random
from datetime import datetime, timedelta

from django.conf import settings

JITTER = 0.2
SPREAD_S = 5.0
# A Retry-After of 0 would cause a loop without a pause.
RETRY_AFTER_MIN_S = 1.0


def next_try_at(*, now: datetime, tries: int, give_up_at: datetime, retry_after_s: float | None) -> datetime | None:
    """When to try again after `tries` failed tries (at least 1); None if the budget or the time is used up."""
    delays = settings.CONVERSION_RETRY_DELAYS_S
    if tries > len(delays):
        return None
    delay_s = _jittered(delays[tries - 1])
    if retry_after_s is not None:
        delay_s = _clamped(retry_after_s)
    due_at = now + timedelta(seconds=delay_s)
    return due_at if due_at <= give_up_at else None


def after_throttling(*, now: datetime, give_up_at: datetime, retry_after_s: float | None) -> datetime | None:
    """When to try again after "too many requests", which uses no budget; None if the time is used up."""
    first_delay_s = settings.CONVERSION_RETRY_DELAYS_S[0]
    delay_s = _jittered(first_delay_s) if retry_after_s is None else _clamped(retry_after_s)
    due_at = now + timedelta(seconds=delay_s)
    return due_at if due_at <= give_up_at else None


def after_refusal(*, now: datetime, refusals: int, give_up_at: datetime) -> datetime | None:
    """When to try again after a code other than success, the `refusals`-th (at least 1); None: the refusal counts."""
    delays = settings.CONVERSION_REFUSAL_DELAYS_S
    if refusals > len(delays):
        return None
    due_at = now + timedelta(seconds=_jittered(delays[refusals - 1]))
    return due_at if due_at <= give_up_at else None


def next_lookup_at(*, now: datetime, lookups: int) -> datetime | None:
    """When to ask about an organic user again after `lookups` queries (at least 1); None: never."""
    delays = settings.ORGANIC_LOOKUP_DELAYS_S
    return now + timedelta(seconds=_jittered(delays[lookups - 1])) if lookups <= len(delays) else None


def _clamped(retry_after_s: float) -> float:
    return min(max(retry_after_s, RETRY_AFTER_MIN_S), settings.CONVERSION_RETRY_AFTER_MAX_S)


def _jittered(delay_s: float) -> float:
    return delay_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, guards nothing


def spread(moment: datetime) -> datetime:
    """A little after the moment, so that everything waiting for it does not come at once."""
    return moment + timedelta(seconds=random.uniform(0, SPREAD_S))  # noqa: S311  # spreads load, guards nothing
