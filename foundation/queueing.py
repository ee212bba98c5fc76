"""Queue a task on the side: the caller neither waits long for Redis nor fails without it."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from foundation.serving.shared_redis import UNAVAILABLE

logger = logging.getLogger(__name__)

# A message that no worker has taken for this long is useless, since beat sweeps more often.
EXPIRES_S = 60


def send(task: str) -> bool:
    """Queue the task now; returns whether Redis took it. For rare things: it waits up to `REDIS_TIMEOUT_S`."""
    try:
        current_app.send_task(task, retry=False, expires=EXPIRES_S)
    except (OperationalError, OSError) as err:
        UNAVAILABLE.labels("nudge").inc()
        logger.warning("No message for %s: %s", task, type(err).__name__)
        return False
    return True
