"""An app's report, once it is known to be valid."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attribution.models import Conversion, Event
from attribution.models.users import User

# The name of the platform's callback parameter among the device's ids: stored and encrypted with them.
CALLBACK = "callback"
ONCE_PER_USER = frozenset(Event.values) - {Event.PAY}
# The reason of a record whose user did the same once-only thing under another id: it is not reported, nor counted.
SAME_USER = "same_user"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """One event. `device` has the raw ids, `ip` and `user_agent` by name; `rule` is set if we derived the event."""

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
    # The app's own name for it, if that is another one.
    app_event: str = ""
    properties: Mapping[str, Any] | None = None
    is_once_per_user: bool = False
    # Joint debugging: always a record of its own.
    is_test: bool = False

    # What of the report was mended or not used, by field.
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def user(self) -> User:
        return self.app_id, self.user_id

    @property
    def dedup_key(self) -> uuid.UUID:
        if self.is_test:
            return uuid.uuid4()
        name = name_of(self)
        outer_event_id = "" if self.is_once_per_user else self.outer_event_id
        return dedup_key(app_id=self.app_id, user_id=self.user_id, event=name, outer_event_id=outer_event_id)


def name_of(event: ReportedEvent | Conversion) -> str:
    """The word by which an event counts once: ours, or else the app's own."""
    return event.event if event.event in Event.values else event.app_event or event.event


def dedup_key(*, app_id: int, user_id: str, event: str, outer_event_id: str = "") -> uuid.UUID:
    """The identity of an event in 16 bytes: payments by their own id, our other words by user and name.

    Any other event has its own id, if the app gave one.

    The ad is not part of it, although an event counts once *per ad*: the platform names the ad only later. The narrower
    key never reports twice. It would miss an organic user who returns through an ad; intake makes up for that: if an
    organic event is posted again, the platform is asked again.
    """
    has_own_id = event == Event.PAY or (outer_event_id and event not in ONCE_PER_USER)
    words = (event, outer_event_id) if has_own_id else (event, "", user_id)
    digest = hashlib.blake2b("\x1f".join([str(app_id), *words]).encode(), digest_size=16)
    return uuid.UUID(bytes=digest.digest())
