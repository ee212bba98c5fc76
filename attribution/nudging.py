"""Wake a worker after new rows. Only a hint: a lost nudge costs seconds, until beat's next sweep, and no row.

A request never waits for it: a separate thread publishes, within a bounded time and at most once every
`MIN_INTERVAL_S`. A thousand events a second cost Redis twenty messages instead of a thousand.
"""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from foundation.serving.announcing import Announcer
from foundation.serving.shared_redis import UNAVAILABLE

logger = logging.getLogger(__name__)

MIN_INTERVAL_S = 0.05
PAUSE_AFTER_FAILURE_S = 5.0
# A message that no worker has taken for this long is useless: beat sweeps more often.
EXPIRES_S = 60


def send(task: str) -> bool:
    """Queue the task now. Returns whether Redis accepted it. For rare calls: waits up to `REDIS_TIMEOUT_S`."""
    try:
        current_app.send_task(task, retry=False, expires=EXPIRES_S)
    except (OperationalError, OSError) as err:
        UNAVAILABLE.labels("nudge").inc()
        logger.warning("No message for %s: %s", task, type(err).__name__)
        return False
    return True


def _nudge() -> bool:
    return send("attribution.deliver")


nudge = Announcer("nudger", _nudge, interval_s=MIN_INTERVAL_S, pause_s=PAUSE_AFTER_FAILURE_S).announce
