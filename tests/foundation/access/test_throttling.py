from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pytest_django import Settings

from foundation.access import throttling
from foundation.access.credentials import Credential
from foundation.serving import shared_redis
from sandbox.launcher import services

LIMIT = 10


@pytest.fixture
def redis(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Server]:
    """This test's own Redis: its counts start at zero, and stopping it affects no other test."""
    server = services.start_redis(tmp_path)
    settings.REDIS_URL = server.url
    settings.REDIS_TIMEOUT_S = 10
    monkeypatch.setattr(throttling, "_circuit", shared_redis.Circuit("throttle"))
    settings.API_REQUESTS_PER_MINUTE = LIMIT
    _forget_connections()
    yield server
    server.stop()
    _forget_connections()


def _forget_connections() -> None:
    shared_redis.client.cache_clear()


def credential(name: str = "key", *, is_throttled: bool = True) -> Credential:
    return Credential(name=name, caller_id=None, app_id=None, is_throttled=is_throttled)


def test_parallel_requests_get_exactly_the_limit(redis: services.Server) -> None:
    with ThreadPoolExecutor(10) as pool:
        waits = list(pool.map(throttling.hit, [credential()] * 50))

    assert waits.count(None) == LIMIT
    assert all(1 <= wait <= 60 for wait in waits if wait is not None)


def test_each_key_has_its_own_count(redis: services.Server) -> None:
    for _ in range(LIMIT):
        throttling.hit(credential("one"))

    assert throttling.hit(credential("one")) is not None
    assert throttling.hit(credential("other")) is None


def test_key_without_a_throttle_is_not_counted(redis: services.Server) -> None:
    waits = [throttling.hit(credential(is_throttled=False)) for _ in range(LIMIT + 1)]

    assert waits == [None] * (LIMIT + 1)


def test_without_redis_requests_are_served_and_counted(redis: services.Server) -> None:
    before = _went_on_without_redis()
    redis.stop()

    waits = [throttling.hit(credential()) for _ in range(LIMIT + 1)]

    assert waits == [None] * (LIMIT + 1)
    assert _went_on_without_redis() == before + 1  # the others did not even try


def _went_on_without_redis() -> float:
    return REGISTRY.get_sample_value("rivermouth_redis_unavailable_total", {"operation": "throttle"}) or 0
