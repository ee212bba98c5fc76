"""Redis from the event loop: what is asked at once goes out in one write, over one connection for the whole process.

    [count] = await loop_redis.ask(("INCR", "hits"))

Asks are pipelined: each goes out when the loop has run what is ready, without waiting for the answers of those before
it. There is no task, stream or pool between an ask and the socket, so a command takes some 15 µs of CPU; the client of
redis-py takes 50 to 70 µs, and a blocking one in a thread two hops between threads more. Commands that block
(`XREAD … BLOCK`) belong elsewhere, since all would wait for them.

A Redis that does not answer costs an ask `REDIS_TIMEOUT_S`. Those behind it fail with it, and for
`_SKIP_AFTER_FAILURE_S` nothing is tried. What to do without Redis is the asker's business (see `Circuit`).
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

_SKIP_AFTER_FAILURE_S = 1.0  # shorter than a Circuit's time: each of them sees for itself

Command = tuple[str | bytes | int | float, ...]


class _Ask:
    __slots__ = ("answers", "asked_at", "is_complete_with", "packed", "received")

    def __init__(self, commands: Sequence[Command], answers: "asyncio.Future[list[Any]]") -> None:
        self.packed = b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]  # the stub says a tuple of one
        self.is_complete_with = len(commands)
        self.answers = answers
        self.asked_at = time.monotonic()
        self.received: list[Any] = []

    def answer(self) -> None:
        if self.answers.done():
            return  # who asked is gone
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
        )  # packed at once: what can't be sent (half a surrogate pair) fails its asker alone
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
        """Write what is left, and wait for the answers."""
        left = [ask.answers for ask in (*self._unanswered, *self._unsent)]
        if left:
            await asyncio.wait(left)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _connect(self) -> None:
        """Let redis-py connect, with all that a Redis URL may ask for (TLS, a socket's path, a password, a database),
        and take the connection over."""
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
        # Kept, since it closes what it wrote to when it goes; given up by the connection for the same reason.
        self._writer, connection._reader, connection._writer = connection._writer, None, None
        self._transport = cast(asyncio.Transport, self._writer.transport)
        self._transport.set_protocol(self)
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._flush()

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._transport is None or not self._unsent:
            return  # the connection broke meanwhile
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
        # What was sent may have been done: it is not sent again.
        if self._unanswered:
            self._fail(RedisConnectionError(f"Redis closed the connection: {exc}"))

    def _look_after(self) -> None:
        """One timer for all asks: it comes when the oldest one is due, or a younger one's time is measured anew."""
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
