"""The event loop's connection to Redis, with a real Redis that is stopped, frozen and started again."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from django.conf import LazySettings
from redis import RedisError, ResponseError

from foundation.serving import loop_redis
from tests.redis_server import RedisServer

TIMEOUT_S = 0.3


@pytest.fixture(autouse=True)
def _own_redis(settings: LazySettings, redis_server: RedisServer) -> None:
    settings.REDIS_URL = f"{redis_server.url.rpartition('/')[0]}/3"
    settings.REDIS_TIMEOUT_S = TIMEOUT_S


def run(work: Coroutine[Any, Any, Any]) -> None:
    async def then_close() -> None:
        try:
            await work
        finally:
            await loop_redis.shut_down()

    asyncio.run(then_close())


def test_everyone_gets_the_answers_to_what_they_asked() -> None:
    async def ask_at_once() -> None:
        asks = [loop_redis.ask(("SET", f"k{n}", n), ("INCRBY", f"k{n}", 1), ("GET", f"k{n}")) for n in range(500)]
        assert await asyncio.gather(*asks) == [[b"OK", n + 1, b"%d" % (n + 1)] for n in range(500)]

    run(ask_at_once())


def test_answers_that_come_in_pieces_are_put_together() -> None:
    text = b"river" * 1_000_000

    async def ask() -> None:
        asks = [("SET", "long", text), ("PING",), ("GET", "long"), ("PING",)]
        answers = await asyncio.gather(*[loop_redis.ask(each) for each in asks])
        assert answers == [[b"OK"], [b"PONG"], [text], [b"PONG"]]

    run(ask())


def test_refused_command_fails_only_who_asked_it() -> None:
    async def ask() -> None:
        refused = loop_redis.ask(("SET", "text", "x"), ("INCR", "text"), ("GET", "text"))
        fine = loop_redis.ask(("GET", "text"))
        with pytest.raises(ResponseError, match="not an integer"):
            await refused
        assert await fine == [b"x"]

    run(ask())


def test_who_is_gone_shifts_no_answers() -> None:
    async def ask() -> None:
        await loop_redis.ask(("SET", "a", "1"))
        gone, stays = loop_redis.ask(("GET", "a"), ("GET", "a")), loop_redis.ask(("ECHO", "mine"))
        gone.cancel()
        assert await stays == [b"mine"]

    run(ask())


def test_database_of_the_url_is_the_one_that_is_asked(redis_server: RedisServer) -> None:
    async def ask() -> None:
        await loop_redis.ask(("SET", "where", "three"))
        assert await loop_redis.ask(("SELECT", 0), ("GET", "where"), ("SELECT", 3)) == [b"OK", None, b"OK"]

    run(ask())


def test_unsendable_question_does_not_affect_the_others() -> None:
    async def ask() -> None:
        good = loop_redis.ask(("ECHO", "a"))
        with pytest.raises(UnicodeEncodeError):
            loop_redis.ask(("GET", "\ud800"))
        assert [await good, await loop_redis.ask(("ECHO", "河"))] == [[b"a"], ["河".encode()]]

    run(ask())


def test_frozen_redis_is_waited_for_once_and_used_again_later(redis_server: RedisServer) -> None:
    async def ask_through_a_freeze() -> None:
        assert await loop_redis.ask(("PING",)) == [b"PONG"]
        with redis_server.frozen():
            began_at = time.monotonic()
            asks = [loop_redis.ask(("INCR", "frozen")) for _ in range(20)]
            outcomes = await asyncio.gather(*asks, return_exceptions=True)
            took_s = time.monotonic() - began_at
            assert all(isinstance(outcome, RedisError) for outcome in outcomes)
            assert TIMEOUT_S <= took_s < TIMEOUT_S + 2
            with pytest.raises(RedisError, match="a moment ago"):
                await loop_redis.ask(("PING",))
            # Its kernel still takes connections: the handshake is what hangs.
            await asyncio.sleep(1.1)
            with pytest.raises(RedisError):
                await asyncio.wait_for(loop_redis.ask(("PING",)), timeout=TIMEOUT_S + 2)
        await _until_answered()

    run(ask_through_a_freeze())


def test_restarted_redis_is_found_again(redis_server: RedisServer) -> None:
    async def ask_through_a_restart() -> None:
        assert await loop_redis.ask(("PING",)) == [b"PONG"]
        await asyncio.to_thread(redis_server.stop)
        with pytest.raises(RedisError):
            await loop_redis.ask(("PING",))
        await asyncio.to_thread(redis_server.start)
        await _until_answered()

    run(ask_through_a_restart())


def test_connection_closed_by_redis_while_idle_fails_no_question(redis_server: RedisServer) -> None:
    async def ask_before_and_after() -> None:
        [name] = await loop_redis.ask(("CLIENT", "ID"))
        await asyncio.to_thread(redis_server.client().client_kill_filter, _id=str(name))
        await asyncio.sleep(0.1)
        assert await loop_redis.ask(("PING",)) == [b"PONG"]

    run(ask_before_and_after())


def test_what_is_asked_last_is_written_before_the_end(redis_server: RedisServer) -> None:
    async def ask_and_go() -> None:
        loop_redis.ask(("SET", "last", "words"))

    run(ask_and_go())

    assert redis_server.client(db=3).get("last") == b"words"


async def _until_answered() -> None:
    give_up_at = time.monotonic() + 10
    while True:
        try:
            assert await loop_redis.ask(("PING",)) == [b"PONG"]
        except RedisError:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.1)
        else:
            return
