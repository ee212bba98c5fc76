"""Redis for side work of requests, with short timeouts so that it never holds a request up.

If Redis hangs, one request waits for the timeout; the others skip Redis for `_SKIP_AFTER_FAILURE_S`. A `Circuit` per
operation sees to that. Skipped operations are counted in the metrics.
"""

import time
from functools import cache

import redis
from django.conf import settings
from prometheus_client import Counter

UNAVAILABLE = Counter("rivermouth_redis_unavailable", "Operations that went on without Redis", ["operation"])

_SKIP_AFTER_FAILURE_S = 5.0


class Circuit:
    """Whether one operation of this process may try Redis again."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._skip_until = 0.0

    @property
    def is_open(self) -> bool:
        """True if Redis failed a moment ago: go on without it."""
        return time.monotonic() < self._skip_until

    def note_failure(self) -> None:
        UNAVAILABLE.labels(self._operation).inc()
        self._skip_until = time.monotonic() + _SKIP_AFTER_FAILURE_S


@cache
def client() -> redis.Redis:
    """The pooled, blocking client of this process; use it off the event loop."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
