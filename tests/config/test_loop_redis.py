"""Redis from the event loop: many asks over one connection, and each answered by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from config import loop_redis
from tests.redis_server import RedisServer


def run(ask: Callable[[], Awaitable[Any]]) -> Any:
    async def run_and_close() -> Any:
        answers = await ask()
        await loop_redis.shut_down()
        return answers

    return asyncio.run(run_and_close())


async def settled(*asks: "asyncio.Future[list[Any]]") -> Any:
    async with asyncio.timeout(10):
        return await asyncio.gather(*asks, return_exceptions=True)


def test_asks_of_one_moment_get_their_own_answers() -> None:
    async def ask() -> Any:
        return await settled(
            loop_redis.ask(("DEL", "a"), ("INCR", "a"), ("INCR", "a")),
            loop_redis.ask(("ECHO", "河")),
            loop_redis.ask(("NO-SUCH-COMMAND",), ("INCR", "a")),
            loop_redis.ask(("GET", "a")),
        )

    first, echo, wrong, last = run(ask)

    assert (first[1:], echo, last) == ([1, 2], ["河".encode()], [b"3"])
    assert isinstance(wrong, ResponseError)


def test_ask_that_can_not_be_sent_costs_no_other_its_answer() -> None:
    async def ask() -> Any:
        good = loop_redis.ask(("ECHO", "a"))
        with pytest.raises(UnicodeEncodeError):
            loop_redis.ask(("GET", "\ud800"))
        return await settled(good, loop_redis.ask(("ECHO", "b")))

    assert run(ask) == [[b"a"], [b"b"]]


def test_frozen_redis_costs_its_timeout_once(redis_server: RedisServer, settings: Any) -> None:
    settings.REDIS_URL, settings.REDIS_TIMEOUT_S = redis_server.url, 0.5

    async def ask() -> tuple[list[Any], list[float], Any]:
        await loop_redis.ask(("ECHO", "a"))
        took_s = []
        errors = []
        with redis_server.frozen():
            for _ in range(2):
                began_at = time.monotonic()
                errors += await settled(*(loop_redis.ask(("ECHO", "a")) for _ in range(100)))
                took_s.append(time.monotonic() - began_at)
        await asyncio.sleep(1.1)  # it is tried again after a second
        return errors, took_s, await loop_redis.ask(("ECHO", "b"))

    errors, took_s, after = run(ask)

    assert [isinstance(error, RedisError) for error in errors] == [True] * 200
    assert 0.45 < took_s[0] < 1.5
    assert took_s[1] < 0.3
    assert after == [b"b"]
