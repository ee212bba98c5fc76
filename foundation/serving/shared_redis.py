"""Redis for what requests do on the side: with short timeouts, so that it never holds a request up.

A Redis that hangs costs one request its timeout; the others skip it for `_SKIP_AFTER_FAILURE_S`, which a `Circuit` of
each operation sees to. What is skipped is counted in the metrics.
"""

import time
from functools import cache

import redis
from django.conf import settings
from prometheus_client import Counter

UNAVAILABLE = Counter("rivermouth_redis_unavailable", "Operations that went on without Redis", ["operation"])

_SKIP_AFTER_FAILURE_S = 5.0


class Circuit:
    """Whether one operation may try Redis again; of this process."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._skip_until = 0.0

    @property
    def is_open(self) -> bool:
        """Redis failed a moment ago: go on without it."""
        return time.monotonic() < self._skip_until

    def note_failure(self) -> None:
        UNAVAILABLE.labels(self._operation).inc()
        self._skip_until = time.monotonic() + _SKIP_AFTER_FAILURE_S


@cache
def client() -> redis.Redis:
    """The pooled, blocking client of this process: call it off the event loop."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
