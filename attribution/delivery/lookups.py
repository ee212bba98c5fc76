"""The question which ad a user came from, and when it is asked again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from attribution.models import App, Attribution, Conversion, Event
from attribution.platforms.platform import AdAnswer

# Another event of the user within this time shares the first one's "not attributed" instead of asking again.
FRESH_FOR = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The question which ad the user of these events (earliest first) came from.

    `platform` was asked last, and `answer` is what it knows. None: no platform knows an ad; `refusal` says why one
    refused. `known`: what was known before. `activated_at`: the time of the activation, or of the event that made us
    ask again. `has_failed`: the platform could not be asked.
    """

    conversions: list[Conversion]
    app: App
    activated_at: datetime
    known: Attribution | None = None
    platform: str = ""
    answer: AdAnswer | None = None
    refusal: str = ""
    reason: str = "platform"
    has_failed: bool = False

    @property
    def is_first(self) -> bool:
        """Whether nothing was known about the user, so that no other event is waiting for an answer."""
        return self.known is None

    @property
    def is_renewal(self) -> bool:
        """Whether the user has an ad, with which the events can be reported whatever the answer."""
        return self.known is not None and self.known.is_attributed


def is_fresh(attribution: Attribution, now: datetime) -> bool:
    return attribution.asked_at > now - FRESH_FOR


def is_usable(attribution: Attribution | None, row: Conversion, now: datetime) -> bool:
    """Whether the event is reported by what is known, without asking again: for payments any answer will do."""
    if attribution is None or not attribution.is_attributed:
        return False
    hours = settings.ATTRIBUTION_REFRESH_H
    return not hours or row.event == Event.PAY or attribution.asked_at > now - timedelta(hours=hours)
