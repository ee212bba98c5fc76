"""An app's report, once it is known to be valid."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from attribution.models import Event


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

    @property
    def dedup_key(self) -> uuid.UUID:
        return dedup_key(app_id=self.app_id, user_id=self.user_id, event=self.event, outer_event_id=self.outer_event_id)


def dedup_key(*, app_id: int, user_id: str, event: str, outer_event_id: str = "") -> uuid.UUID:
    """The identity of an event in 16 bytes: payments by their own id, all others by user and name.

    The ad is not part of it, although an event counts once *per ad*: the platform names the ad only later. The narrower
    key never reports twice. It would miss an organic user who returns through an ad; intake makes up for that: if an
    organic event is posted again, the platform is asked again.
    """
    words = (event, outer_event_id) if event == Event.PAY else (event, "", user_id)
    digest = hashlib.blake2b("\x1f".join([str(app_id), *words]).encode(), digest_size=16)
    return uuid.UUID(bytes=digest.digest())
