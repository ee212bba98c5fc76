"""Requests per minute of each key, counted atomically in Redis. While Redis is down, all requests are served."""

from typing import Any

from django.conf import settings
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from foundation.access.credentials import Credential
from foundation.serving import loop_redis
from foundation.serving.counting import MINUTE_S, Counting, counting
from foundation.serving.shared_redis import Circuit, client

_circuit = Circuit("throttle")


def hit(credential: Credential) -> float | None:
    """Count a request by this caller. Returns the seconds to wait if over the limit, else None. Blocks on Redis."""
    if not credential.is_throttled or _circuit.is_open:
        return None
    count = counting_of(credential)
    try:
        made = client().execute_command(*count.command())  # type: ignore[no-untyped-call]  # untyped in redis-py
        left_ms = None if made <= settings.API_REQUESTS_PER_MINUTE else client().pttl(count.key)
    except RedisError:
        _circuit.note_failure()
        return None
    return _wait_s(left_ms)


async def ahit(credential: Credential) -> float | None:
    """Like `hit`, but from the event loop. Both use the same counters and the same script."""
    if not credential.is_throttled or _circuit.is_open:
        return None
    count = counting_of(credential)
    try:
        [made] = await loop_redis.ask(count.command())
        if made <= settings.API_REQUESTS_PER_MINUTE:
            return None
        [left_ms] = await loop_redis.ask(("PTTL", count.key))
    except RedisError:
        _circuit.note_failure()
        return None
    return _wait_s(left_ms)


def counting_of(credential: Credential) -> Counting:
    """For callers that count a request together with something else."""
    return counting("requests", credential.name, MINUTE_S)


def _wait_s(left_ms: Any) -> float | None:
    return None if left_ms is None else max(float(left_ms) / 1000, 1.0)


class KeyThrottle(BaseThrottle):
    """At most `API_REQUESTS_PER_MINUTE` of one key; a key issued with `--throttle none` has no limit.

    DRF's own throttles read, add and write the cache in three steps, so parallel requests slip through.
    """

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self._wait_s = hit(request.auth) if isinstance(request.auth, Credential) else None
        return self._wait_s is None

    def wait(self) -> float | None:
        return self._wait_s
