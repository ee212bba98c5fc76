"""Reported events that are posted again by a user who has got another ad since: each counts once per ad.

A repeat makes its record due (intake), so that its user is asked about. If the user has another ad now, the event is
reported for it by a record of its own, with the time of the return; the record of the earlier ad stays as it is.
"""

import uuid
from datetime import datetime, timedelta
from hashlib import blake2b

from django.conf import settings

from attribution.models import Attribution, Conversion
from foundation.database import bulk

FROM_THE_FIRST = [
    "app_id", "user_id", "event", "app_event", "properties", "os", "channel", "amount_fen", "device", "device_digest",
]  # fmt: skip

RULE = "re-attribution"


def store(reported: Conversion, attribution: Attribution, now: datetime) -> None:
    """Store the return of this record for the new ad, unless it is stored already."""
    found = Conversion(
        **{name: getattr(reported, name) for name in FROM_THE_FIRST},
        dedup_key=key(reported.dedup_key, attribution.attributed_at),
        rule=RULE,
        occurred_at=now,
        received_at=now,
        due_at=now,
        give_up_at=now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    )
    found.outer_event_id = str(found.id)
    bulk.insert_new([found], unique=["dedup_key"])


def key(dedup_key: uuid.UUID, attributed_at: datetime | None) -> uuid.UUID:
    """The identity of the return of this event for the ad that was found at this time."""
    words = f"return\x1f{dedup_key}\x1f{attributed_at}"
    return uuid.UUID(bytes=blake2b(words.encode(), digest_size=16).digest())
