"""Redis from the event loop: commands asked in one iteration go out in one write, on one connection per process.

    [count] = await loop_redis.ask(("INCR", "hits"))

Asks are pipelined: each goes out once the loop has run its ready callbacks, without waiting for earlier answers. There
is no task, stream or pool between an ask and the socket, so a command takes some 15 µs of CPU; redis-py's client takes
50 to 70 µs, and a blocking one in a thread costs two thread hops more. Commands that block (`XREAD … BLOCK`) belong
elsewhere, since every other command would wait for them.

If Redis does not answer, an ask fails after `REDIS_TIMEOUT_S`. All asks behind it fail with it, and for
`_SKIP_AFTER_FAILURE_S` none is sent. The caller decides what to do without Redis (see `Circuit`).
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis
import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

_SKIP_AFTER_FAILURE_S = 1.0  # shorter than a Circuit's time, so that each circuit tries for itself

Command = tuple[str | bytes | int | float, ...]


class _Ask:
    __slots__ = ("answers", "asked_at", "is_complete_with", "packed", "received")

    def __init__(self, commands: Sequence[Command], answers: "asyncio.Future[list[Any]]") -> None:
        self.packed = b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # the stub says a tuple of one item
        self.is_complete_with = len(commands)
        self.answers = answers
        self.asked_at = time.monotonic()
        self.received: list[Any] = []

    def answer(self) -> None:
        if self.answers.done():
            return  # the caller is gone
        error = next((answer for answer in self.received if isinstance(answer, ResponseError)), None)
        if error is None:
            self.answers.set_result(self.received)
        else:
            self.answers.set_exception(error)

    def refuse(self, error: Exception) -> None:
        if not self.answers.done():
            self.answers.set_exception(error)


class _Line(asyncio.Protocol):
    """The connection of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._is_flush_due = False
        self._unsent: list[_Ask] = []
        self._unanswered: deque[_Ask] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._skip_until = 0.0

    def ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        answers: asyncio.Future[list[Any]] = self.loop.create_future()
        ask = _Ask(
            commands, answers
        )  # packed at once: a value that can't be sent (half a surrogate pair) fails this caller alone
        if ask.asked_at < self._skip_until:
            ask.refuse(RedisConnectionError("Redis failed a moment ago"))
            return answers
        self._unsent.append(ask)
        if self._timer is None:
            self._timer = self.loop.call_later(settings.REDIS_TIMEOUT_S, self._look_after)
        if self._transport is None:
            if self._connecting is None:
                self._connecting = self.loop.create_task(self._connect())
        elif not self._is_flush_due:
            self._is_flush_due = True
            self.loop.call_soon(self._flush)
        return answers

    async def close(self) -> None:
        """Write the remaining commands, and wait for the answers."""
        left = [ask.answers for ask in (*self._unanswered, *self._unsent)]
        if left:
            await asyncio.wait(left)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _connect(self) -> None:
        """Let redis-py connect, since it knows everything that a Redis URL may ask for (TLS, a socket's path, a
        password, a database), then take the connection over."""
        pool = redis.ConnectionPool.from_url(settings.REDIS_URL, protocol=2, socket_timeout=None)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]  # untyped in redis-py
        try:
            async with asyncio.timeout(settings.REDIS_TIMEOUT_S):
                await connection.connect()
        except (RedisError, OSError, TimeoutError) as err:
            await connection.disconnect(nowait=True)
            self._fail(err if isinstance(err, RedisError) else RedisConnectionError(repr(err)))
            return
        finally:
            self._connecting = None
        # The writer is kept, and taken from the connection: it closes its socket when it is garbage-collected.
        self._writer, connection._reader, connection._writer = connection._writer, None, None
        self._transport = cast(asyncio.Transport, self._writer.transport)
        self._transport.set_protocol(self)
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._flush()

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._transport is None or not self._unsent:
            return  # the connection has broken meanwhile
        asks, self._unsent = self._unsent, []
        self._unanswered += asks
        self._transport.write(b"".join([ask.packed for ask in asks]))

    def data_received(self, data: bytes) -> None:
        reader, unanswered = self._reader, self._unanswered
        reader.feed(data)
        while unanswered and (answer := reader.gets()) is not False:
            ask = unanswered[0]
            ask.received.append(answer)
            if len(ask.received) == ask.is_complete_with:
                unanswered.popleft()
                ask.answer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        # Commands that were sent may have been executed, so they are not sent again.
        if self._unanswered:
            self._fail(RedisConnectionError(f"Redis closed the connection: {exc}"))

    def _look_after(self) -> None:
        """One timer for all asks: it fires when the oldest one is due, and is set again for the next one."""
        self._timer = None
        oldest = self._unanswered[0] if self._unanswered else self._unsent[0] if self._unsent else None
        if oldest is None:
            return
        left_s = oldest.asked_at + settings.REDIS_TIMEOUT_S - time.monotonic()
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._look_after)
            return
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.abort()
        self._fail(RedisConnectionError(f"Redis did not answer within {settings.REDIS_TIMEOUT_S} s"))

    def _fail(self, error: Exception) -> None:
        self._skip_until = time.monotonic() + _SKIP_AFTER_FAILURE_S
        asks = [*self._unanswered, *self._unsent]
        self._unanswered.clear()
        self._unsent = []
        for ask in asks:
            ask.refuse(error)


_line: _Line | None = None


def ask(*commands: Command) -> "asyncio.Future[list[Any]]":
    """Send the commands in this order, not as a transaction. Awaiting gives their answers, or raises a RedisError.

    The commands are sent whether or not the future is awaited.
    """
    global _line  # one per event loop, and a process has one loop (a test may have several, one after the other)
    loop = asyncio.get_running_loop()
    if _line is None or _line.loop is not loop:
        _line = _Line(loop)
    return _line.ask(commands)


async def shut_down() -> None:
    """Write the remaining commands and close the connection."""
    global _line  # one per event loop, and a process has one loop
    if _line is not None:
        line, _line = _line, None
        await line.close()
