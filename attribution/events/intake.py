"""Stores events: each becomes one conversion row, however often and however concurrently it is posted."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from attribution.announcing import live_feed, nudging
from attribution.devices import device_ids
from attribution.events import derived, known_apps, known_users
from attribution.events.reported import ReportedEvent, dedup_key
from attribution.models import App, Conversion, Event, State, UserAlias
from attribution.platforms.registry import device_id_fields
from foundation.database import bulk
from foundation.hooks.activity import Activity

# The fields that identify a payment besides its id. Other events are told apart by user alone, and have no amount.
PAYMENT_FIELDS = ("user_id", "amount_fen")
# What a repeat may add to.
LEARNT_FIELDS = ("os", "channel", "device", "device_digest", "lookups")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of one event: its row, which an earlier post may have created."""

    id: uuid.UUID
    state: str
    is_duplicate: bool
    # The fields in which it differs from its row: it is a different payment with the same id.
    contradictions: tuple[str, ...] = ()


def receive(events: Sequence[ReportedEvent], *, now: datetime) -> list[Receipt]:
    """Store the events and those derived from them; committed when this returns. One receipt per event, in order."""
    if not events:
        return []
    events = known_users.complete(_by_owner(events))
    apps = {app_id: known_apps.get(app_id) for app_id in {event.app_id for event in events}}
    events = [replace(event, is_test=True) if _is_of_tester(event) else event for event in events]
    if any(app.has_rules for app in apps.values()):
        with transaction.atomic():
            receipts = _store(events, now)
            pairs = zip(events, receipts, strict=True)
            new = [event for event, receipt in pairs if not receipt.is_duplicate]
            if more := derived.from_events(events, apps, new=new):
                _store(more, now)
    else:
        receipts = _store(events, now)
    transaction.on_commit(nudging.nudge)
    transaction.on_commit(live_feed.announce_change)
    return receipts


def receive_activity(activity: Activity) -> None:
    """Something other than one of our events happened: it may fulfil the rule of a key behaviour."""
    try:
        app = known_apps.get(activity.app_id)
    except App.DoesNotExist:  # deleted since the key was looked up
        return
    if app.key_behaviour_event != activity.kind:
        return
    user_id = UserAlias.objects.owner(activity.app_id, activity.user_id)
    key = dedup_key(app_id=activity.app_id, user_id=user_id, event=Event.ACTIVE)
    activation = Conversion.objects.filter(dedup_key=key).first()
    if activation is None:
        return
    since, until = derived.key_behaviour_window(app, activation.occurred_at)
    if not since <= activity.occurred_at <= until or activity.count_between(since, until) < app.key_behaviour_count:
        return
    event = derived.key_behaviour(app, activation, occurred_at=activity.occurred_at)
    receive([event], now=activity.occurred_at)


def _by_owner(events: Sequence[ReportedEvent]) -> Sequence[ReportedEvent]:
    """The events, those under an earlier id as events of the user to whom it belongs now. One query, or none."""
    users = {event.user for event in events if known_apps.has_aliases(event.app_id)}
    owners = UserAlias.objects.owners(users) if users else {}
    if not owners:
        return events
    return [replace(event, user_id=owners.get(event.user, event.user)[1]) for event in events]


def _store(events: Sequence[ReportedEvent], now: datetime) -> list[Receipt]:
    rows = [_conversion(event, now) for event in events]
    new_ids = bulk.insert_new(rows, unique=["dedup_key"])
    known = _known([row.dedup_key for row in rows if row.id not in new_ids])
    _learn_ids([(known[row.dedup_key], row) for row in rows if _may_say_more(row, known.get(row.dedup_key))], now)
    known |= _revived([row for row in rows if _may_be_revived(row, known.get(row.dedup_key), now)], now)
    _ask_again([row for row in rows if _may_ask_again(row, known.get(row.dedup_key), now)], now)
    return [
        Receipt(id=row.id, state=row.state, is_duplicate=False)
        if row.id in new_ids
        else _duplicate(row, known[row.dedup_key])
        for row in rows
    ]


def _is_of_tester(event: ReportedEvent) -> bool:
    """Whether one of the event's ids is on the app's test list."""
    md5s = known_apps.testers_md5s(event.app_id)
    if not md5s:
        return False
    ids = (value for name, value in event.device.items() if name not in ("ip", "user_agent"))
    return any(not md5s.isdisjoint(device_ids.possible_md5s(value)) for value in ids)


def _conversion(event: ReportedEvent, now: datetime) -> Conversion:
    device_id = next(filter(None, map(event.device.get, device_id_fields(event.os))), "")
    row = Conversion(
        app_id=event.app_id,
        dedup_key=event.dedup_key,
        user_id=event.user_id,
        event=event.event,
        app_event=event.app_event,
        properties=event.properties,
        os=event.os,
        channel=event.channel,
        amount_fen=event.amount_fen,
        outer_event_id=event.outer_event_id,
        rule=event.rule,
        is_test=event.is_test,
        occurred_at=event.occurred_at,
        received_at=now,
        device=device_ids.encrypt(json.dumps(event.device)),
        device_digest=device_ids.digest(device_id) if device_id else None,
        due_at=now,
        give_up_at=now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    )
    if row.is_test or not row.outer_event_id:
        row.outer_event_id = str(row.id)
    return row


def _known(keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Conversion]:
    if not keys:
        return {}
    rows = Conversion.objects.filter(dedup_key__in=keys).only(
        "dedup_key", "id", "state", "due_at", "lease_token", "finished_at", *PAYMENT_FIELDS, *LEARNT_FIELDS
    )
    return {row.dedup_key: row for row in rows}


def _duplicate(posted: Conversion, stored: Conversion) -> Receipt:
    return Receipt(id=stored.id, state=stored.state, is_duplicate=True, contradictions=_contradictions(posted, stored))


def _contradictions(posted: Conversion, stored: Conversion) -> tuple[str, ...]:
    return tuple(name for name in PAYMENT_FIELDS if getattr(posted, name) != getattr(stored, name))


def _may_be_revived(posted: Conversion, stored: Conversion | None, now: datetime) -> bool:
    """Whether the stored event was not reported, and is neither due nor being sent already."""
    if stored is None or stored.state in (State.REPORTED, State.SKIPPED, State.HELD) or _contradictions(posted, stored):
        return False
    return stored.lease_token is None and (stored.due_at is None or stored.due_at > now)


def _revived(posted: Sequence[Conversion], now: datetime) -> dict[uuid.UUID, Conversion]:
    """Try again what was posted again; returns the rows as they are now."""
    if not posted:
        return {}
    keys = [row.dedup_key for row in posted]
    rows = Conversion.objects.filter(dedup_key__in=keys)
    rows.revive(now)
    return _known(keys)


def _may_ask_again(posted: Conversion, stored: Conversion | None, now: datetime) -> bool:
    """Whether the stored event was reported so long ago that its user may have come back through an ad."""
    hours = settings.ATTRIBUTION_REFRESH_H
    if not hours or stored is None or stored.state != State.REPORTED or posted.event == Event.PAY:
        return False
    is_old = stored.finished_at is not None and stored.finished_at <= now - timedelta(hours=hours)
    return is_old and stored.due_at is None


def _ask_again(posted: Sequence[Conversion], now: datetime) -> None:
    """Make reported events due for a question about their users, if the last answer is old."""
    if not posted:
        return
    is_old = Q(attribution__asked_at__lte=now - timedelta(hours=settings.ATTRIBUTION_REFRESH_H))
    rows = Conversion.objects.filter(is_old | Q(earlier_attribution__isnull=False), state=State.REPORTED)
    rows = rows.filter(dedup_key__in=[row.dedup_key for row in posted], due_at=None, lease_token=None)
    _restore_ids(rows, posted)
    rows.update(due_at=now)


def _restore_ids(rows: QuerySet[Conversion], posted: Sequence[Conversion]) -> None:
    """Give rows whose ids were erased those that were posted again."""
    by_key = {row.dedup_key: row for row in posted}
    for key in rows.filter(device="").values_list("dedup_key", flat=True):
        again = by_key[key]
        Conversion.objects.filter(dedup_key=key).update(device=again.device, device_digest=again.device_digest)


def _may_say_more(posted: Conversion, stored: Conversion | None) -> bool:
    """Whether a repeat may have ids that its row lacks, of a user who may still be asked about."""
    if stored is None or stored.state in (State.REPORTED, State.SKIPPED) or _contradictions(posted, stored):
        return False
    return bool(posted.os or posted.device_ids)


def _learn_ids(repeats: Sequence[tuple[Conversion, Conversion]], now: datetime) -> None:
    """Add to these rows what only their repeats say of the device.

    A look-up that is under way does not know it. Its worker loses the row, which is due again.
    """
    learnt = {stored.pk: stored for stored, posted in repeats if _learn(stored, posted)}
    if learnt:
        bulk.update(list(learnt.values()), LEARNT_FIELDS)
        being_asked = Conversion.objects.filter(pk__in=learnt, lease_token__isnull=False, body="")
        being_asked.update(lease_token=None, due_at=now, lookups=0)


def _learn(stored: Conversion, posted: Conversion) -> bool:
    """Whether the repeat says something that its row did not know: then nobody was asked about it yet."""
    own = known_users.readable(stored)
    if posted.device_ids.keys() <= own.keys() and (stored.os or not posted.os):
        return False
    stored.os, stored.channel = stored.os or posted.os, stored.channel or posted.channel
    stored.device_ids = posted.device_ids | own
    stored.device = device_ids.encrypt(json.dumps(stored.device_ids))
    stored.device_digest = stored.device_digest or posted.device_digest
    stored.lookups = 0
    return True
