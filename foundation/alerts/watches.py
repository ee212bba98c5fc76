"""What the ground floor itself watches: workers, beat, Redis.

A dead worker notices nothing, so web processes run these checks as well (`watchman`).
"""

import time
from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext_lazy as _
from redis import RedisError

from foundation.hooks.alerts import Cause, NotKnownError, Watch
from foundation.serving.health import BEAT_SEEN_KEY, WORKER_SEEN_KEY
from foundation.serving.shared_redis import client

INDEX = "/admin/"
_started_at = time.time()
# Since when Redis has not answered this process.
_redis_gone_since: float | None = None


def is_swept() -> bool:
    """Whether beat, Redis and a worker have done their part within the last minute. If so, a worker runs all checks."""
    try:
        return silent_s(BEAT_SEEN_KEY) < 60
    except RedisError:
        return False


def silent_s(key: str) -> float:
    """Seconds since the last sign of life. Raises: RedisError.

    Without any sign so far, it counts from this process's start: on a first day web may start before the worker.
    """
    seen_at = client().get(key)
    return time.time() - (float(seen_at) if seen_at else _started_at)


def _silent_worker(threshold: int, now: datetime) -> Iterator[Cause]:
    silent = _silent(WORKER_SEEN_KEY)
    if silent >= threshold:
        yield Cause(key="worker", number=round(silent), path=INDEX)


def _silent_beat(threshold: int, now: datetime) -> Iterator[Cause]:
    """Beat's sign of life passes through a worker; without a worker nothing is known about beat."""
    if _silent(WORKER_SEEN_KEY) >= 60:
        raise NotKnownError
    silent = _silent(BEAT_SEEN_KEY)
    if silent >= threshold:
        yield Cause(key="beat", number=round(silent), path=INDEX)


def _gone_redis(threshold: int, now: datetime) -> Iterator[Cause]:
    global _redis_gone_since  # one per process
    try:
        client().ping()
    except RedisError as err:
        _redis_gone_since = _redis_gone_since or time.time()
        gone_s = time.time() - _redis_gone_since
        if gone_s >= threshold:
            yield Cause(key="redis", number=round(gone_s), path=INDEX, words={"error": type(err).__name__})
    else:
        _redis_gone_since = None


def _silent(key: str) -> float:
    try:
        return silent_s(key)
    except RedisError as err:
        raise NotKnownError from err


WATCHES = [
    Watch(
        kind="worker",
        title=_("Worker silent"),
        text=_(
            "No worker has shown a sign of life for %(number)s s: "
            "conversions are waiting, and nothing is swept or purged."
        ),
        over=_("Workers are alive."),
        check=_silent_worker,
        threshold=120,
        threshold_help=_("seconds without a sign of life"),
    ),
    Watch(
        kind="beat",
        title=_("Beat silent"),
        text=_("Beat has scheduled nothing for %(number)s s: nothing is swept or purged, and retries are waiting."),
        over=_("Beat is alive."),
        check=_silent_beat,
        threshold=120,
        threshold_help=_("seconds without a sign of life"),
    ),
    Watch(
        kind="redis",
        title=_("Redis down"),
        text=_(
            "Redis has not answered for %(number)s s (%(error)s): "
            "limits and replays do not work, and workers are not woken."
        ),
        over=_("Redis answers."),
        check=_gone_redis,
        threshold=60,
        threshold_help=_("seconds without an answer"),
    ),
]
