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

from config.health import REDIS_UNAVAILABLE


@cache
def _limiter() -> FixedWindowRateLimiter:
    timeouts = {"socket_timeout": settings.REDIS_TIMEOUT_S, "socket_connect_timeout": settings.REDIS_TIMEOUT_S}
    return FixedWindowRateLimiter(RedisStorage(settings.REDIS_URL, **timeouts))


class KeyThrottle(BaseThrottle):
    """At most `API_REQUESTS_PER_MINUTE` of one key; a key issued with `--throttle none` has no limit.

    DRF's own throttles read, add and write the cache in three steps, so parallel requests pass them.
    """

    _retry_after_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        key = request.auth
        if key is None or not key.is_throttled:
            return True
        limit = RateLimitItemPerMinute(settings.API_REQUESTS_PER_MINUTE)
        try:
            if _limiter().hit(limit, key.token_key):
                return True
            reset_at = _limiter().get_window_stats(limit, key.token_key).reset_time
        except redis.RedisError:
            REDIS_UNAVAILABLE.labels("throttle").inc()
            return True
        self._retry_after_s = max(reset_at - time.time(), 1)
        return False

    def wait(self) -> float | None:
        return self._retry_after_s
