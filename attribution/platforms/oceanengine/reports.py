"""Ocean Engine's conversion report (转化回传): one event of one user. POST, JSON.

Reference: section "转化回传" of the handbook
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from attribution.platforms.http import Reply
from attribution.platforms.oceanengine import wire
from attribution.platforms.oceanengine.words import EVENT_TYPES, FOREIGN_ID_FIELDS, MATCH_TYPES
from attribution.platforms.platform import UserEvent

PATH = "/api/v2/conversion"

# Kept, but not authenticated: dropped once the account's authentication is switched on (words.CODE_MEANINGS).
ACCEPTED_WITH_WARNING = 128


def body(event: UserEvent) -> bytes:
    """The device must have the id that the vendor requires (`DEVICE_ID_FIELDS`)."""
    paid = {"pay_amount": event.amount_fen, "order_id": event.outer_event_id} if event.amount_fen is not None else {}
    return wire.encode(
        {
            "event_type": EVENT_TYPES[event.event],
            "context": {
                "ad": {"callback": wire.without_fragment(event.callback), "match_type": MATCH_TYPES[event.match_type]},
                **_known_device(event),
            },
            "properties": {**event.properties, **paid},
            "outer_event_id": event.outer_event_id,
            "timestamp": wire.milliseconds(event.occurred_at),
        }
    )


def send(report: bytes) -> Reply:
    """Raises: `PlatformError`."""
    _verdict, reply = wire.exchange(PATH, report, wire.verdicts, warnings={ACCEPTED_WITH_WARNING})
    return reply


def _known_device(event: UserEvent) -> dict[str, Any]:
    """Pages and mini games know no device: they report by the callback alone."""
    device = _device(event.os, event.device)
    return {"device": {"platform": _platform(event.os), **device}} if event.os and device else {}


def _platform(os: str) -> str:
    return settings.OCEANENGINE_HARMONY_PLATFORM if os == "harmony" else os


def _device(os: str, device: Mapping[str, str]) -> dict[str, str]:
    """The device's ids in the vendor's forms: IMEI as its md5, all others raw."""
    reported = {name: device[name] for name in ("android_id", "idfv", "oaid", "idfa") if device.get(name)}
    if device.get("imei"):
        reported["imei"] = _md5(device["imei"])
    for name in FOREIGN_ID_FIELDS.get(os, ()):
        reported.pop(name, None)
    return reported


def _md5(value: str) -> str:
    """An IMEI may already be hashed: 32 hexadecimal digits, whereas a raw one has 15 decimal digits."""
    if len(value) == 32:
        return value.lower()
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()
