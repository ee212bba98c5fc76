"""The state of deliveries, for `GET /statusz`: how many are due, how long they have waited, and open breakers."""

from datetime import datetime, timedelta

from attribution.models import Conversion, Destination
from foundation.hooks.status import Part

# Deliveries take seconds: a row due for longer than this is stuck.
STUCK_AFTER = timedelta(minutes=10)
# Counted up to here.
COUNTED = 10_000


def look(now: datetime) -> Part:
    """A destination that someone has switched off does not count as a problem."""
    due = Conversion.objects.filter(due_at__lte=now)
    oldest = due.order_by("due_at").values_list("due_at", flat=True).first()
    is_stuck = oldest is not None and now - oldest > STUCK_AFTER
    breakers = [each.key for each in Destination.objects.filter(is_enabled=True).order_by("key") if each.is_open(now)]
    facts = {
        "backlog": due.order_by()[:COUNTED].count(),
        "oldest_due_s": None if oldest is None else round((now - oldest).total_seconds(), 1),
        "breakers_open": breakers,
    }
    return Part(is_ok=not is_stuck and not breakers, facts=facts)
