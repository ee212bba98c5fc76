"""Writing costs: whatever is said last of an ad's day replaces what was said before."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from attribution.models.costs import COST_KEY, AdCost, CreativeCost
from foundation.database import bulk


def replace(given: Iterable[Mapping[str, Any]], *, source: AdCost.Source, now: datetime) -> int:
    """Store the costs, in one statement; of several for one ad and day the last. Returns how many rows there are."""
    last = {key_of(fields): fields for fields in given}
    rows = [AdCost(**fields, source=source, stored_at=now) for fields in last.values()]
    if not rows:
        return 0
    with transaction.atomic():
        written = bulk.upsert(rows, unique=COST_KEY)
        # What creatives took of the replaced cost says nothing about the new one.
        CreativeCost.objects.filter(ad_cost__in=[row.pk for row in written]).delete()
    return len(rows)


def key_of(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells an ad's day from all others."""
    return tuple(fields[name] for name in COST_KEY)
