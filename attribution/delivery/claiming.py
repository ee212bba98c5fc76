"""The rows that a worker holds: claimed with a lease and a token, written back for as long as both are valid."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from attribution.announcing import live_feed
from attribution.models import Conversion
from foundation.database import bulk

SETTLED_FIELDS = [
    "state", "reason", "detail", "warning", "due_at", "lookups", "tries", "refusals", "attribution", "platform",
    "advertiser_id", "finished_at", "resend_by", "resend_reason",
]  # fmt: skip

_CLAIM = f"""
    UPDATE {Conversion._meta.db_table} SET due_at = %(lease_until)s, lease_token = %(token)s
    WHERE id IN (
        SELECT id FROM {Conversion._meta.db_table} WHERE due_at <= %(now)s
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING *
"""  # noqa: S608  # the table's name is ours


def claim(*, limit: int, now: datetime) -> list[Conversion]:
    """Claim due rows that no other worker is claiming, with a lease and a new token."""
    lease_until = now + timedelta(seconds=settings.CONVERSION_LEASE_S)
    values = {"now": now, "limit": limit, "token": uuid.uuid4(), "lease_until": lease_until}
    return list(Conversion.objects.raw(_CLAIM, values))


def save_settled(rows: Sequence[Conversion]) -> None:
    """Write the outcome of the rows and release them, as far as the lease is still ours."""
    if rows:
        bulk.update(rows, SETTLED_FIELDS, guard="lease_token", clear_guard=True)
        live_feed.announce_change()
