"""Requests per minute of each key: counted in Redis, atomically. Without Redis requests are served."""

import time
from functools import cache
from typing import Any

import redis
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.credentials import Credential
from config.health import REDIS_UNAVAILABLE

# A Redis that hangs costs one request its time-out, not every request.
_SKIP_AFTER_FAILURE_S = 5.0
_redis_is_down_until = 0.0


@cache
def _limiter() -> FixedWindowRateLimiter:
    pool = redis.ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
    return FixedWindowRateLimiter(RedisStorage(settings.REDIS_URL, connection_pool=pool))


def hit(credential: Credential) -> float | None:
    """Count a request of this caller; the seconds to wait if it is one too many, else None."""
    global _redis_is_down_until  # one circuit per process
    if not credential.is_throttled or time.monotonic() < _redis_is_down_until:
        return None
    limit = RateLimitItemPerMinute(settings.API_REQUESTS_PER_MINUTE)
    try:
        if _limiter().hit(limit, credential.name):
            return None
        return max(_limiter().get_window_stats(limit, credential.name).reset_time - time.time(), 1.0)
    except redis.RedisError:
        REDIS_UNAVAILABLE.labels("throttle").inc()
        _redis_is_down_until = time.monotonic() + _SKIP_AFTER_FAILURE_S
        return None


class KeyThrottle(BaseThrottle):
    """At most `API_REQUESTS_PER_MINUTE` of one key; a key issued with `--throttle none` has no limit.

    DRF's own throttles read, add and write the cache in three steps, so parallel requests pass them.
    """

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait_s = hit(request.auth) if isinstance(request.auth, Credential) else None
        return self._wait_s is None

    def wait(self) -> float | None:
        return self._wait_s
