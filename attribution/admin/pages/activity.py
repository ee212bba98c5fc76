"""The latest activity in all apps: the newest conversions and the ones attempted last."""

from dataclasses import dataclass
from datetime import datetime

from attribution.admin.pages.wording import event_in_words
from attribution.models import Attempt, Conversion

SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A conversion, at the time of its arrival or of its last attempt."""

    conversion: Conversion
    at: datetime
    attempt: Attempt | None

    @property
    def event(self) -> str:
        return event_in_words(self.conversion)

    @property
    def key(self) -> str:
        """Changes whenever something happens to the conversion."""
        return f"{self.conversion.pk}-{self.conversion.state}-{self.at.timestamp()}"


def newest() -> list[Happening]:
    """Newest first, each conversion once. Uses the indexes on time, so the size of the tables does not matter."""
    arrived = Conversion.objects.select_related("app").order_by("-received_at")[:SHOWN]
    tried = Attempt.objects.select_related("conversion__app").order_by("-started_at")[: 2 * SHOWN]
    found: dict[object, Happening] = {}
    for attempt in tried:
        row = attempt.conversion
        found.setdefault(row.pk, Happening(conversion=row, at=attempt.started_at, attempt=attempt))
    for row in arrived:
        found.setdefault(row.pk, Happening(conversion=row, at=row.received_at, attempt=None))
    return sorted(found.values(), key=lambda each: each.at, reverse=True)[:SHOWN]
