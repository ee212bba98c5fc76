"""When a conversion is tried again."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from attribution.delivery import retry
from tests.attribution.conftest import NOW

SOON, LATE = NOW + timedelta(days=3), NOW + timedelta(seconds=1)


@pytest.mark.parametrize(("tries", "low_s", "high_s"), [(1, 4, 6), (2, 24, 36), (3, 96, 144), (9, 28_800, 43_200)])
def test_next_try_follows_the_schedule(tries: int, low_s: float, high_s: float) -> None:
    waits = [retry.next_try_at(now=NOW, tries=tries, give_up_at=SOON, retry_after_s=None) for _ in range(100)]

    seconds = [(due_at - NOW).total_seconds() for due_at in waits if due_at]
    assert len(seconds) == 100
    assert low_s <= min(seconds) < max(seconds) <= high_s


def test_next_try_is_none_when_the_budget_is_used_up() -> None:
    assert retry.next_try_at(now=NOW, tries=10, give_up_at=SOON, retry_after_s=None) is None


def test_next_try_is_none_when_the_time_is_used_up() -> None:
    assert retry.next_try_at(now=NOW, tries=1, give_up_at=LATE, retry_after_s=None) is None


@pytest.mark.parametrize(("retry_after_s", "waits_s"), [(90.0, 90), (0.0, 1), (-5.0, 1), (1e9, 3600)])
def test_retry_after_is_honoured_within_limits(retry_after_s: float, waits_s: float) -> None:
    due_at = NOW + timedelta(seconds=waits_s)

    assert retry.next_try_at(now=NOW, tries=1, give_up_at=SOON, retry_after_s=retry_after_s) == due_at
    assert retry.after_throttling(now=NOW, give_up_at=SOON, retry_after_s=retry_after_s) == due_at


def test_retry_after_does_not_outlast_the_time() -> None:
    assert retry.after_throttling(now=NOW, give_up_at=LATE, retry_after_s=90) is None


def test_next_lookup_ends_with_the_schedule(settings: Settings) -> None:
    settings.ORGANIC_LOOKUP_DELAYS_S = [10]

    first = retry.next_lookup_at(now=NOW, lookups=1)

    assert first is not None
    assert timedelta(seconds=8) <= first - NOW <= timedelta(seconds=12)
    assert retry.next_lookup_at(now=NOW, lookups=2) is None
