"""Is anything stuck? The deliveries under way in all apps.

Bounded look-ups by index; a big table is never counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from attribution.admin.pages.formats import percent
from attribution.models import Attempt, Conversion, Destination, State
from attribution.statistics.formulas import quotient

# Counts stop here; more is shown as "10,000+".
COUNTED = 10_000
# The success rate is that of the reports among this many of the hour's newest attempts.
SAMPLED_ATTEMPTS = 10_000
SUCCESS_SPAN = timedelta(hours=1)
# A backlog older than this is worth a look: deliveries take seconds.
STUCK_AFTER = timedelta(minutes=10)

ACCEPTED = Q(outcome__in=[Attempt.Outcome.ACCEPTED, Attempt.Outcome.WARNING])
# Their answer may still arrive.
ANSWERED = ~Q(outcome=Attempt.Outcome.UNKNOWN, duration_ms=None)


@dataclass(frozen=True, slots=True)
class BoundedCount:
    count: int
    is_more: bool

    def __str__(self) -> str:
        return f"{self.count:,}+" if self.is_more else f"{self.count:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """`success_rate` is None when nothing was reported within the hour."""

    pending: BoundedCount
    oldest_at: datetime | None
    held: BoundedCount
    failed: BoundedCount
    rejected: BoundedCount
    reports: int
    success_rate: float | None
    destinations: int
    open_breakers: Sequence[Destination]
    switched_off: Sequence[Destination]
    now: datetime

    @property
    def oldest_age(self) -> timedelta | None:
        return self.now - self.oldest_at if self.oldest_at else None

    @property
    def success(self) -> str:
        return percent(self.success_rate)

    @property
    def is_stuck(self) -> bool:
        return self.oldest_age is not None and self.oldest_age > STUCK_AFTER


def look(now: datetime) -> Operations:
    reports, success_rate = _success(now)
    destinations = list(Destination.objects.order_by("key"))
    return Operations(
        pending=_count(State.PENDING),
        oldest_at=_in_state(State.PENDING).order_by("received_at").values_list("received_at", flat=True).first(),
        held=_count(State.HELD),
        failed=_count(State.FAILED),
        rejected=_count(State.REJECTED),
        reports=reports,
        success_rate=success_rate,
        destinations=len(destinations),
        open_breakers=[each for each in destinations if each.is_open(now) or each.is_suspect],
        switched_off=[each for each in destinations if not each.is_enabled],
        now=now,
    )


def bounded_count(rows: QuerySet[Any], *, limit: int = COUNTED) -> BoundedCount:
    found = rows.order_by()[: limit + 1].count()
    return BoundedCount(min(found, limit), is_more=found > limit)


def _count(state: State) -> BoundedCount:
    return bounded_count(_in_state(state))


def _in_state(state: State) -> QuerySet[Conversion]:
    return Conversion.objects.filter(state=state, is_test=False)


def _success(now: datetime) -> tuple[int, float | None]:
    newest = Attempt.objects.filter(started_at__gte=now - SUCCESS_SPAN).order_by("-started_at")
    sample = Attempt.objects.filter(pk__in=newest.values("pk")[:SAMPLED_ATTEMPTS])
    found = sample.filter(ANSWERED, kind=Attempt.Kind.REPORT).aggregate(
        reports=Count("pk"), accepted=Count("pk", filter=ACCEPTED)
    )
    return found["reports"], quotient(found["accepted"], found["reports"])
