"""What the events of a user say together: later ones need not repeat it, and earlier ones may have lacked it.

It is read from the user's conversions where an event lacks something; a complete event costs nothing here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Case, Value, When

from attribution.devices.device_ids import DecryptionError
from attribution.events.reported import CALLBACK, ReportedEvent
from attribution.models import Conversion, Event
from attribution.models.users import User, users_in

# The device ids that are a user's for longer than one request.
IDS = ("android_id", "idfv", "oaid", "imei", "idfa", "caid", "mac")


@dataclass(slots=True)
class Known:
    """What is known of one user: what was said first stays, missing ids are added."""

    os: str = ""
    channel: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def learn(self, os: str, channel: str, device: Mapping[str, str]) -> None:
        self.os, self.channel = self.os or os, self.channel or channel
        self.ids = ids_of(device) | self.ids

    @property
    def is_enough(self) -> bool:
        return bool(self.os and self.ids)


def complete(events: Sequence[ReportedEvent]) -> list[ReportedEvent]:
    """The events with what is known of their users, from each other and from stored ones. At most one query."""
    lacking = {event.user for event in events if _lacks(event)}
    if not lacking:
        return list(events)
    known = {user: Known() for user in lacking}
    for event in events:
        if event.user in known:
            known[event.user].learn(event.os, event.channel, event.device)
    _read({user: each for user, each in known.items() if not each.is_enough})
    return [_completed(event, known[event.user]) if event.user in known else event for event in events]


def ids_of(device: Mapping[str, str]) -> dict[str, str]:
    return {name: device[name] for name in IDS if name in device}


def readable_ids(row: Conversion) -> dict[str, str]:
    return ids_of(readable(row))


def readable(row: Conversion) -> dict[str, str]:
    """What the row says of the device. Ids whose key is gone are as good as unknown."""
    try:
        return row.device_ids
    except DecryptionError:
        return {}


def _lacks(event: ReportedEvent) -> bool:
    return CALLBACK not in event.device and not (event.os and any(name in event.device for name in IDS))


def _completed(event: ReportedEvent, known: Known) -> ReportedEvent:
    return replace(
        event,
        os=event.os or known.os,
        channel=event.channel or known.channel,
        device=known.ids | event.device,
    )


def _read(known: Mapping[User, Known]) -> None:
    for row in _best_of_each(known.keys()):
        known[row.app_id, row.user_id].learn(row.os, row.channel, readable_ids(row))


def _best_of_each(users: Collection[User]) -> Iterable[Conversion]:
    """One row of each user: the earliest from a phone. Payments come from other servers, and there may be many."""
    if not users:
        return []
    is_payment = Case(When(event=Event.PAY, then=Value(1)), default=Value(0))
    rows = Conversion.objects.filter(users_in(users)).exclude(os="").exclude(device="")
    return rows.order_by("app_id", "user_id", is_payment, "occurred_at").distinct("app_id", "user_id")
