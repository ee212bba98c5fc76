"""The destinations that we call, and their circuit breakers: one dead advertiser never slows the others.

A breaker opens after `BREAKER_FAILURES` failures in a row, or once we are not let in (a token, a permission), for
`BREAKER_OPEN_S`, doubled with every failed probe up to `BREAKER_OPEN_MAX_S`. Then a few calls are let through as
probes; the first answer closes the breaker. "Too many requests" only pauses it.

The state is a row in PostgreSQL, read once per round and written only when it changes: no query per conversion, shared
by all workers, and available while Redis is down.
"""

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from attribution.models import Conversion, Destination, State
from attribution.models.destinations import DestinationKey, waiting_for

logger = logging.getLogger(__name__)

# How many calls an open breaker lets through once its time is over, per worker and round.
PROBES = 3
PAUSE_MAX_S = 60.0


@dataclass(slots=True)
class Round:
    """What one round of calls revealed about a destination."""

    answers: int = 0
    failures: int = 0
    pause_s: float = 0.0
    last_error: str = ""


class Destinations:
    """The state of all destinations as of the last `load`, and everything noted since."""

    def __init__(self) -> None:
        self._known: dict[DestinationKey, Destination] = {}
        self._noted: dict[DestinationKey, Round] = defaultdict(Round)

    def load(self) -> None:
        self._known = {destination.identity: destination for destination in Destination.objects.all()}

    def introduce(self, keys: Collection[DestinationKey]) -> None:
        """Create rows for destinations seen for the first time, so that a person can switch them off."""
        new = [Destination(platform=platform, key=key) for platform, key in sorted(set(keys) - self._known.keys())]
        if new:
            Destination.objects.bulk_create(new, ignore_conflicts=True)
            self.load()

    def allowance(self, key: DestinationKey, now: datetime) -> int | None:
        """How many calls to it may be under way; None: no limit."""
        known = self._known[key]
        if known.is_open(now) or not known.is_enabled:
            return 0
        return PROBES if known.is_suspect else None

    def is_suspect(self, key: DestinationKey) -> bool:
        return self._known[key].is_suspect

    def is_enabled(self, key: DestinationKey) -> bool:
        return self._known[key].is_enabled

    def open_until(self, key: DestinationKey, *, now: datetime) -> datetime:
        return self._known[key].open_until or now

    def note_answer(self, key: DestinationKey) -> None:
        self._noted[key].answers += 1

    def note_failure(self, key: DestinationKey, error: str) -> None:
        self._noted[key].failures += 1
        self._noted[key].last_error = error

    def note_lockout(self, key: DestinationKey, error: str) -> None:
        """It did not let us in: one such answer opens the breaker."""
        self._noted[key].failures += settings.BREAKER_FAILURES
        self._noted[key].last_error = error

    def note_throttling(self, key: DestinationKey, retry_after_s: float | None, error: str) -> None:
        noted = self._noted[key]
        noted.pause_s = max(noted.pause_s, min(retry_after_s or 0.0, PAUSE_MAX_S))
        noted.last_error = error

    def save(self, now: datetime) -> list[DestinationKey]:
        """Write everything noted; returns the destinations whose breaker closed."""
        changed = {key: noted for key, noted in self._noted.items() if self._changes(key, noted)}
        self._noted.clear()
        if not changed:
            return []
        closed, opened = [], []
        ids = [self._known[key].pk for key in changed]
        with transaction.atomic():
            # In a fixed order; otherwise two workers could deadlock.
            for row in Destination.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
                noted = changed[row.identity]
                openings = row.openings
                if noted.answers:
                    closed += [row.identity] if row.is_suspect else []
                    row.close()
                elif noted.failures:
                    row.count_failures(noted.failures, error=noted.last_error, now=now)
                if noted.pause_s:
                    row.pause(until=now + timedelta(seconds=noted.pause_s), error=noted.last_error)
                row.save(update_fields=["failures", "openings", "open_until", "last_error"])
                opened += [row] if row.openings > openings else []
        self.load()
        _log(opened, closed)
        return closed

    def _changes(self, key: DestinationKey, noted: Round) -> bool:
        return bool(noted.failures or noted.pause_s or self._known[key].failures)


def _log(opened: Collection[Destination], closed: Collection[DestinationKey]) -> None:
    """Logs a line for each change. The vendor's words may name a device, so they stay in the row."""
    for row in opened:
        until = timezone.localtime(row.open_until).isoformat(timespec="seconds")
        logger.warning("The breaker of %s %s has opened until %s", row.platform, row.key, until)
    for platform, key in closed:
        logger.warning("The breaker of %s %s has closed", platform, key)


def release(keys: Collection[DestinationKey], *, now: datetime) -> None:
    """Make conversions that waited for the breakers of these destinations due at once."""
    if keys:
        held = Conversion.objects.filter(waiting_for(keys), state=State.HELD, due_at__gt=now, lease_token=None)
        held.update(due_at=now)
