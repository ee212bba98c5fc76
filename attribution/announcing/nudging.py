"""Wakes a worker after new rows. Only a hint: a lost nudge costs seconds, until beat's next sweep, but never a row.

A request never waits for it: a separate thread publishes, within a bounded time and at most once every
`MIN_INTERVAL_S`. A thousand events a second cost Redis twenty messages instead of a thousand.
"""

from foundation.queueing import send
from foundation.serving.announcing import Announcer

__all__ = ["nudge", "send"]

MIN_INTERVAL_S = 0.05
PAUSE_AFTER_FAILURE_S = 5.0


def _nudge() -> bool:
    return send("attribution.deliver")


nudge = Announcer("nudger", _nudge, interval_s=MIN_INTERVAL_S, pause_s=PAUSE_AFTER_FAILURE_S).announce
