"""What other events of a record's user say of the device, also those that came after the record."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from attribution.devices.device_ids import DecryptionError, encrypt
from attribution.events.known_users import Known, readable, readable_ids
from attribution.events.reported import CALLBACK
from attribution.models import Conversion, Event, State
from attribution.models.users import User, users_in

LOOKED_AT_EVERY = timedelta(hours=6)


def complete(rows: Sequence[Conversion], *, now: datetime) -> set[User]:
    """Add to records that are about to be looked up what else is known of their users. One query.

    Returns the users of whom a record says more than was asked about before: an answer that is a moment old is not
    theirs. Records that waited for such an event are woken.
    """
    by_user: dict[User, list[Conversion]] = {}
    for row in rows:
        by_user.setdefault((row.app_id, row.user_id), []).append(row)
    news: set[User] = set()
    woken: list[uuid.UUID] = []
    found = _others(by_user)
    for user, mine in by_user.items():
        others = found.get(user, [])
        known, asked = Known(), Known()
        for each in sorted([*mine, *others], key=lambda row: row.occurred_at):
            known.learn(each.os, each.channel, readable_ids(each))
            if each.lookups:
                asked.learn(each.os, each.channel, readable_ids(each))
        has_callback = any(map(callback_of, [*mine, *others]))
        if has_callback or not known.ids.items() <= asked.ids.items():
            news.add(user)
        for row in mine:
            _add(row, known)
        if has_callback or known.is_enough:
            woken += [each.pk for each in others if knows_nothing(each) and each.state == State.PENDING]
    if woken:
        Conversion.objects.filter(pk__in=woken).revive(now)
    return news


def knows_nothing(row: Conversion) -> bool:
    """Whether nobody has told anything by which the user could be looked up."""
    try:
        return not row.os and not row.device_ids
    except DecryptionError:
        return False


def callback_of(row: Conversion) -> str:
    """The platform's callback parameter, if the event came with it: then nobody is asked."""
    return readable(row).get(CALLBACK, "")


def put_off(row: Conversion, now: datetime) -> Conversion:
    """Wait for the user's first event, which wakes the record. If none came until its end, the user is organic.

    An event that comes while another worker has the record can't wake it: so it wakes by itself, too.
    """
    if row.give_up_at > now:
        row.put_off("Nothing is known of this user yet", due_at=min(row.give_up_at, now + LOOKED_AT_EVERY))
    else:
        row.mark_organic("unknown_user", due_at=None, now=now)
    return row


def _others(by_user: dict[User, list[Conversion]]) -> dict[User, list[Conversion]]:
    """The users' other records. Of payments, which may be many, only those that wait for the user's first event."""
    if not by_user:
        return {}
    mine = [row.pk for rows in by_user.values() for row in rows]
    rows = Conversion.objects.filter(users_in(by_user)).exclude(pk__in=mine).exclude(event=Event.PAY, os__gt="")
    found: dict[User, list[Conversion]] = {}
    for row in rows:
        found.setdefault((row.app_id, row.user_id), []).append(row)
    return found


def _add(row: Conversion, known: Known) -> None:
    """In the row in hand; in the stored one only what it lacked altogether, so that people see it."""
    try:
        row.device_ids = known.ids | row.device_ids
    except DecryptionError:
        return
    if not row.os and known.os:
        row.os, row.channel, row.device = known.os, row.channel or known.channel, encrypt(json.dumps(row.device_ids))
        Conversion.objects.filter(pk=row.pk).update(os=row.os, channel=row.channel, device=row.device)
