"""Counts in fixed windows: atomic, expiring, and shared by threads and the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import LazySettings

from foundation.serving import loop_redis, shared_redis
from foundation.serving.counting import Counting, counting
from tests.redis_server import RedisServer


@pytest.fixture(autouse=True)
def _own_redis(settings: LazySettings, redis_server: RedisServer) -> Any:
    settings.REDIS_URL = redis_server.url
    shared_redis.client.cache_clear()
    yield
    shared_redis.client.cache_clear()


def count(what: Counting, amount: int = 1) -> int:
    return int(shared_redis.client().execute_command(*what.command(amount)))  # type: ignore[no-untyped-call]


def test_parallel_counts_lose_none() -> None:
    with ThreadPoolExecutor(10) as pool:
        counts = list(pool.map(count, [counting("hits", "one", 60)] * 50))

    assert sorted(counts) == list(range(1, 51))


@pytest.mark.parametrize("first", [1, 700])
def test_window_begins_with_the_first_and_is_not_prolonged(first: int) -> None:
    tokens = counting("tokens", f"user-{first}", 2)

    assert count(tokens, first) == first
    shared_redis.client().pexpire(tokens.key, 900)
    assert count(tokens, 5) == first + 5
    assert 0 < shared_redis.client().pttl(tokens.key) <= 900


def test_each_window_has_its_own_end() -> None:
    minute, day = counting("requests", "one", 60), counting("requests", "one", 86400)

    assert [count(each) for each in (minute, day)] == [1, 1]
    assert [round(shared_redis.client().pttl(each.key) / 1000) for each in (minute, day)] == [60, 86400]


def test_event_loop_and_threads_share_a_count() -> None:
    shared = counting("requests", "both", 60)

    async def ask() -> list[Any]:
        try:
            return await loop_redis.ask(shared.command())
        finally:
            await loop_redis.shut_down()

    assert [count(shared), asyncio.run(ask()), count(shared)] == [1, [2], 3]
