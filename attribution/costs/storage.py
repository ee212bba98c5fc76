"""Writes costs: the latest statement about an ad's day replaces earlier ones."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from attribution.models.costs import COST_KEY, AdCost, CreativeCost
from foundation.database import bulk


def replace(given: Iterable[Mapping[str, Any]], *, source: AdCost.Source, now: datetime) -> int:
    """Store the costs in one statement; the last one for an ad and day wins. Returns the number of rows written."""
    last = {key_of(fields): fields for fields in given}
    rows = [AdCost(**fields, source=source, stored_at=now) for fields in last.values()]
    if not rows:
        return 0
    with transaction.atomic():
        written = bulk.upsert(rows, unique=COST_KEY)
        # The creatives' shares of the replaced cost say nothing about the new one.
        CreativeCost.objects.filter(ad_cost__in=[row.pk for row in written]).delete()
    return len(rows)


def key_of(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key that identifies an ad's day."""
    return tuple(fields[name] for name in COST_KEY)
