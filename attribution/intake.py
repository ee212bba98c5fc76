"""Events in: each becomes one conversion row, however often and however parallel it is posted.

Once-only events are unique per (app, user, event), payments per (app, outer event id). The ad is no part of the key
although an event may count once *per ad*: the ad is unknown until the platform was asked. The narrower key never
reports twice, and what it would lose, a user who was organic and comes back through an ad, is won back by `_revive`:
an organic event that is posted again a day after its last answer is asked about again, in its own row.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from attribution import bulk, device_ids, nudging
from attribution.models import Conversion, Event, State
from attribution.ocean_engine import DEVICE_ID_FIELDS

REVIVED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """One valid event as an app reported it; `device` has raw ids by their field names."""

    app_id: int
    user_id: str
    event: str
    os: str
    device: dict[str, str] = field(default_factory=dict)
    channel: str = ""
    amount_fen: int | None = None
    outer_event_id: str = ""
    occurred_at: datetime
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one event: its row, which an earlier post may have made."""

    id: uuid.UUID
    state: str
    is_duplicate: bool


def receive(events: Sequence[ReportedEvent], *, now: datetime) -> list[Receipt]:
    """Store the events, committed when this returns, and wake a worker. One receipt per event, in order."""
    with transaction.atomic():
        rows = [_conversion(event, now) for event in events]
        new_ids = bulk.insert_new(rows, unique=["dedup_key"])
        known = _receipts([row.dedup_key for row in rows if row.id not in new_ids])
        _revive([receipt.id for receipt in known.values() if receipt.state == State.ORGANIC], now=now)
        if new_ids:
            transaction.on_commit(nudging.nudge)
    return [
        Receipt(id=row.id, state=row.state, is_duplicate=False) if row.id in new_ids else known[row.dedup_key]
        for row in rows
    ]


def dedup_key(*, app_id: int, user_id: str, event: str, outer_event_id: str) -> uuid.UUID:
    """What makes two posts the same event, in 16 bytes."""
    words = (event, outer_event_id) if event == Event.PAY else (event, "", user_id)
    digest = hashlib.blake2b("\x1f".join([str(app_id), *words]).encode(), digest_size=16)
    return uuid.UUID(bytes=digest.digest())


def _conversion(event: ReportedEvent, now: datetime) -> Conversion:
    platform_id = event.device.get(DEVICE_ID_FIELDS[event.os], "")
    row = Conversion(
        app_id=event.app_id,
        dedup_key=dedup_key(
            app_id=event.app_id, user_id=event.user_id, event=event.event, outer_event_id=event.outer_event_id
        ),
        user_id=event.user_id,
        event=event.event,
        os=event.os,
        channel=event.channel,
        amount_fen=event.amount_fen,
        outer_event_id=event.outer_event_id,
        rule=event.rule,
        occurred_at=event.occurred_at,
        received_at=now,
        device=device_ids.encrypt(json.dumps(event.device)),
        device_digest=device_ids.digest(platform_id) if platform_id else None,
        due_at=now,
        give_up_at=now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    )
    row.outer_event_id = row.outer_event_id or str(row.id)
    return row


def _receipts(keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Receipt]:
    if not keys:
        return {}
    rows = Conversion.objects.filter(dedup_key__in=keys).values_list("dedup_key", "id", "state")
    return {key: Receipt(id=id_, state=state, is_duplicate=True) for key, id_, state in rows}


def _revive(ids: Sequence[uuid.UUID], *, now: datetime) -> None:
    """Ask again about final organic events whose last answer is a day old."""
    if ids:
        Conversion.objects.filter(
            id__in=ids, state=State.ORGANIC, due_at=None, finished_at__lt=now - REVIVED_AFTER
        ).update(due_at=now, lookups=0, give_up_at=now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S))
