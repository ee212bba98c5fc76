"""What an app reports, once it is known to be valid."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from attribution.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """One event. `device` has the raw ids, `ip` and `user_agent` by their names; `rule` is set where we made it."""

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
    """What makes two posts the same event, in 16 bytes: payments by their own id, all others by user and name.

    The ad is no part of it although an event counts once *per ad*: which ad, the platform says only later. The
    narrower key never reports twice. What it would lose, a user who was organic and comes back through an ad, is won
    back at intake: an organic event that is posted again is asked about again.
    """
    words = (event, outer_event_id) if event == Event.PAY else (event, "", user_id)
    digest = hashlib.blake2b("\x1f".join([str(app_id), *words]).encode(), digest_size=16)
    return uuid.UUID(bytes=digest.digest())
