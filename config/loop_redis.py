"""Redis from the event loop: what is asked at once goes out in one write, over one connection for the whole process.

    [count] = await loop_redis.ask(("INCR", "hits"))

Each ask is answered by itself, but those that come while a write is on its way go out together with the next one. So a
command takes some 30 to 70 µs of CPU; with a blocking client in a thread the two hops between threads come on top.
Commands that block (`XREAD … BLOCK`) belong elsewhere, since all would wait for them.

A Redis that does not answer costs an ask `REDIS_TIMEOUT_S`. Those that wait behind it fail with it, and for
`_SKIP_AFTER_FAILURE_S` nothing is tried. What to do without Redis is the asker's business (see `Circuit`).
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

_SKIP_AFTER_FAILURE_S = 1.0  # shorter than a Circuit's time: each of them sees for itself

Command = tuple[Any, ...]


class _Ask(NamedTuple):
    packed: list[bytes]  # as they go over the wire
    number: int  # of the commands
    answers: "asyncio.Future[list[Any]]"


class _Line:
    """The connection of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # Bare: of redis-py's pipeline the greater part is retries, metrics and a pool, twice the CPU of a command.
        self._connection = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=None).make_connection()  # type: ignore[no-untyped-call]  # untyped in redis-py
        self._waiting: list[_Ask] = []
        self._task: asyncio.Task[None] | None = None
        self._skip_until = 0.0

    def ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        answers: asyncio.Future[list[Any]] = self.loop.create_future()
        if time.monotonic() < self._skip_until:
            answers.set_exception(RedisConnectionError("Redis failed a moment ago"))
            return answers
        # At once, so that what can't be sent (half a surrogate pair) fails its asker, not all who wait with it.
        packed = self._connection.pack_commands(commands)
        self._waiting.append(_Ask(packed, len(commands), answers))
        if self._task is None:
            self._task = self.loop.create_task(self._write_on())
        return answers

    async def close(self) -> None:
        """Write what is left."""
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._connection.disconnect()

    async def _write_on(self) -> None:
        try:
            while self._waiting:
                asks, self._waiting = self._waiting, []
                await self._write(asks)
        finally:
            self._task = None

    async def _write(self, asks: list[_Ask]) -> None:
        try:
            async with asyncio.timeout(settings.REDIS_TIMEOUT_S):
                packed = [part for ask in asks for part in ask.packed]
                answers = await self._exchange(packed, sum(ask.number for ask in asks))
        except (RedisError, OSError, TimeoutError) as err:
            await self._connection.disconnect(nowait=True)
            self._skip_until = time.monotonic() + _SKIP_AFTER_FAILURE_S
            asks, self._waiting = asks + self._waiting, []
            _refuse(asks, err if isinstance(err, RedisError) else RedisConnectionError(repr(err)))
            return
        start = 0
        for ask in asks:
            end = start + ask.number
            _answer(ask, answers[start:end])
            start = end

    async def _exchange(self, packed: list[bytes], count: int) -> list[Any]:
        """The answers to so many commands, in order, among them ResponseErrors. Raises: RedisError, OSError."""
        connection = self._connection
        if connection.is_connected and await connection.can_read():
            await connection.disconnect()  # Redis has closed it, or restarted: it is made anew when something is sent
        await connection.send_packed_command(packed, check_health=False)
        answers: list[Any] = []
        for _ in range(count):
            try:
                answers.append(await connection.read_response())
            except ResponseError as err:
                answers.append(err)
        return answers


def _answer(ask: _Ask, answers: list[Any]) -> None:
    if ask.answers.done():
        return  # who asked is gone
    error = next((answer for answer in answers if isinstance(answer, ResponseError)), None)
    if error is None:
        ask.answers.set_result(answers)
    else:
        ask.answers.set_exception(error)


def _refuse(asks: list[_Ask], error: Exception) -> None:
    for ask in asks:
        if not ask.answers.done():
            ask.answers.set_exception(error)


_line: _Line | None = None


def ask(*commands: Command) -> "asyncio.Future[list[Any]]":
    """Send the commands in this order, not as a transaction. Their answers, or (when awaited) a RedisError.

    The commands are on their way whether or not the future is awaited.
    """
    global _line  # one per event loop, and a process has one loop (a test may have several, one after the other)
    loop = asyncio.get_running_loop()
    if _line is None or _line.loop is not loop:
        _line = _Line(loop)
    return _line.ask(commands)


async def shut_down() -> None:
    """Write what is left and close the connection."""
    global _line  # as above
    if _line is not None:
        line, _line = _line, None
        await line.close()
