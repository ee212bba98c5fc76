"""A fake provider that is cheaper than any relay: OpenAI's stream on bare uvloop protocols, its bytes built beforehand.

Each token carries the moment at which it was written (`@<monotonic ns>;`, the clock of all processes of one machine),
by which the load client knows how long it was on its way.

All paced streams share one timer: they are dealt out over the milliseconds of the interval, and each tick writes the
chunks of its own. Unpaced streams write one chunk in each turn of the event loop.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

_TICK_S = 0.001
_BACKLOG = 4096
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
# Ark's chunk, field for field.
_EVENT = (
    b'data: {"choices":[{"delta":{"content":"%b","role":"assistant"}%b,"index":0}],"created":1795392000,'
    b'"id":"021795392000000a1b2c3d4e5f60718293a4b5c6d7e8f9","model":"doubao-1-5-pro-32k-250115",'
    b'"service_tier":"default","object":"chat.completion.chunk","usage":%b}\n\n'
)
# Cumulative, on each chunk, to those who ask for it; the numbers don't grow here.
_SO_FAR = b'{"completion_tokens":100,"prompt_tokens":20,"total_tokens":120}'
_USAGE = (
    b'data: {"choices":[],"created":1795392000,"id":"021795392000000a1b2c3d4e5f60718293a4b5c6d7e8f9",'
    b'"model":"doubao-1-5-pro-32k-250115","service_tier":"default","object":"chat.completion.chunk",'
    b'"usage":{"completion_tokens":100,"prompt_tokens":20,"total_tokens":120}}\n\n'
)
_DONE = b"data: [DONE]\n\n"


def _http_chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


# A 19-digit stamp: the same length for the next 290 years of uptime.
_STAMP = b"#" * 19


class _Chunks:
    """The chunks of a stream, as HTTP sends them, with this usage on each."""

    def __init__(self, usage: bytes) -> None:
        event = _http_chunk(_EVENT % (b"@" + _STAMP + b";", b"", usage))
        self.before_stamp, self.after_stamp = event.split(_STAMP)
        self.last = _http_chunk(_EVENT % (b"", b',"finish_reason":"stop"', usage))


_PLAIN, _COUNTED = _Chunks(b"null"), _Chunks(_SO_FAR)
_END = _http_chunk(_DONE) + b"0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What every stream plays from now on. `tokens` None: endless; `interval_s` None: as fast as possible."""

    tokens: int | None
    interval_s: float | None


class Provider:
    """The server, and all streams that it plays."""

    def __init__(self) -> None:
        self.script = Script(tokens=1, interval_s=None)
        self.port = 0
        self.on_left: Callable[[], None] = lambda: None
        self._open: set[_Stream] = set()
        self._slots: list[set[_Stream]] = []
        self._slot = 0  # the one that is due next, at `_slot_at`
        self._slot_at = 0.0
        self._dealt = 0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen; `port` then holds the port."""
        server = await asyncio.get_running_loop().create_server(lambda: _Stream(self), "127.0.0.1", 0, backlog=_BACKLOG)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    def play(self, script: Script) -> None:
        """Set the script; nothing may be playing."""
        self.script = script
        self._slots = [set() for _ in range(round((script.interval_s or 0) / _TICK_S))]
        self._slot = self._dealt = 0

    @property
    def playing(self) -> int:
        """Streams that have begun and not ended."""
        return len(self._open)

    def drop_all(self) -> None:
        """Hang up on relays that stayed although their client left."""
        for stream in tuple(self._open):
            stream.hang_up()

    def began(self, stream: "_Stream") -> None:
        self._open.add(stream)
        if self._slots:
            self._slots[self._dealt % len(self._slots)].add(stream)
            stream.slot = self._dealt % len(self._slots)
            self._dealt += 1
            if self._timer is None:
                self._slot_at = time.monotonic()
                self._timer = asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def ended(self, stream: "_Stream") -> None:
        if stream in self._open:
            self._open.discard(stream)
            if self._slots:
                self._slots[stream.slot].discard(stream)

    def _tick(self) -> None:
        """Write all that is due, including missed ticks, so that the average pace is kept."""
        now = time.monotonic()
        while self._slot_at <= now:
            for stream in tuple(self._slots[self._slot]):
                stream.write_next()
            self._slot = (self._slot + 1) % len(self._slots)
            self._slot_at += _TICK_S
        self._timer = None
        if self._open:
            delay_s = self._slot_at - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(delay_s, 0), self._tick)


class _Stream(asyncio.Protocol):
    """One connection of a relay, with one stream at a time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._received = b""
        self._left = 0
        self._wants_usage = False
        self._chunks = _PLAIN
        self.slot = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._provider._open:
            self._provider.ended(self)
            self._provider.on_left()

    def data_received(self, read: bytes) -> None:
        self._received += read
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _CONTENT_LENGTH.search(self._received, 0, head_end)
        end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._received) < end:
            return
        request, self._received = self._received[:end], self._received[end:]
        if request.startswith(b"POST "):
            self._begin(request)
        else:
            self._transport.write(_NOT_FOUND)

    def hang_up(self) -> None:
        self._provider.ended(self)
        self._transport.abort()

    def write_next(self) -> None:
        if self._left == 0:
            self._end()
            return
        self._left -= 1
        chunks = self._chunks
        self._transport.write(b"%b%019d%b" % (chunks.before_stamp, time.monotonic_ns(), chunks.after_stamp))

    def _begin(self, request: bytes) -> None:
        script = self._provider.script
        self._left = -1 if script.tokens is None else script.tokens
        self._wants_usage = b'"include_usage":true' in request
        self._chunks = _COUNTED if b'"chunk_include_usage":true' in request else _PLAIN
        self._provider.began(self)
        self._transport.write(_HEAD)
        if self._left != 0:
            self.write_next()
        if script.interval_s is None:
            self._write_on()

    def _write_on(self) -> None:
        """Unpaced: a chunk in every turn of the loop."""
        if self not in self._provider._open:
            return
        self.write_next()
        if self in self._provider._open:
            asyncio.get_running_loop().call_soon(self._write_on)

    def _end(self) -> None:
        self._provider.ended(self)
        usage = _http_chunk(_USAGE) if self._wants_usage else b""
        self._transport.write(self._chunks.last + usage + _END)
