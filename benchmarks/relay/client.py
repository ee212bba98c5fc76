"""The load: chat clients on bare uvloop protocols that read nothing of a stream but the stamps in it."""

import asyncio
import re
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from benchmarks.peers import Relay

# A relay that repacks the bytes may end an HTTP chunk in the middle of a stamp.
_STAMP = re.compile(rb"@([0-9a-f\r\n]{19,40});")
_FRAMING = re.compile(rb"\r\n[0-9a-f]+\r\n")
_STAMP_DIGITS = 19
_STAMP_MAX_BYTES = 42
_BODY_END = b"0\r\n\r\n"


@dataclass(slots=True)
class Tally:
    """Everything that the clients of one scenario saw. Times in ns."""

    delays: "array[int]" = field(default_factory=lambda: array("q"))
    first_tokens: "array[int]" = field(default_factory=lambda: array("q"))
    begun: int = 0
    completed: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def note_error(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


class Client(asyncio.Protocol):
    """One connection, with one stream after the other.

    `on_end` is called when a stream has ended, well or not. A stream is whole when its last bytes hold the relay's
    terminal event and all tokens came.
    """

    def __init__(self, relay: Relay, tally: Tally, on_end: "Callable[[Client], None]", *, tokens: int | None) -> None:
        self._relay = relay
        self._request = relay.request()
        self._tally = tally
        self._on_end = on_end
        self._tokens = tokens
        self._is_streaming = False
        self.has_first_token = False
        self._cut = b""  # the beginning of a stamp that was cut by the end of the read
        self._last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.ask()

    @property
    def is_closed(self) -> bool:
        return self._transport.is_closing()

    def ask(self) -> None:
        """Begin a stream."""
        self._is_streaming = True
        self.has_first_token = False
        self._cut = self._last = b""
        self._seen = 0
        self._tally.begun += 1
        self._asked_at = time.monotonic_ns()
        self._transport.write(self._request)

    def leave(self) -> None:
        """Disconnect as a closed browser tab does."""
        self._is_streaming = False
        self._transport.abort()

    def data_received(self, read: bytes) -> None:
        now = time.monotonic_ns()
        if self._cut:
            read = self._cut + read
            self._cut = b""
        stamps = _STAMP.findall(read)
        if stamps:
            self._seen += len(stamps)
            append = self._tally.delays.append
            for stamp in stamps:
                append(now - int(stamp if len(stamp) == _STAMP_DIGITS else _FRAMING.sub(b"", stamp)))
            if not self.has_first_token:
                self._note_first_token(now)
        at = read.rfind(b"@", -_STAMP_MAX_BYTES)
        if at >= 0 and read.find(b";", at) < 0:
            self._cut = read[at:]
        if read.endswith(_BODY_END) or (len(read) < len(_BODY_END) and (self._last + read).endswith(_BODY_END)):
            self._end(self._last + read)
        elif not self.has_first_token and not self._last and not read.startswith(b"HTTP/1.1 200"):
            self._fail(read[:40].partition(b"\r\n")[0].decode(errors="replace"))
        self._last = read

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_streaming:
            self._fail("connection lost")

    def _note_first_token(self, now: int) -> None:
        self.has_first_token = True
        self._tally.first_tokens.append(now - self._asked_at)

    def _end(self, last: bytes) -> None:
        self._is_streaming = False
        if self._relay.end_marker not in _FRAMING.sub(b"", last):
            self._tally.note_error("no terminal event")
        elif self._tokens is not None and self._seen != self._tokens:
            self._tally.note_error("tokens lost")
        else:
            self._tally.completed += 1
        self._on_end(self)

    def _fail(self, what: str) -> None:
        self._is_streaming = False
        self._tally.note_error(what)
        self._transport.abort()
        self._on_end(self)


async def connect(relay: Relay, tally: Tally, on_end: Callable[[Client], None], *, tokens: int | None) -> Client | None:
    """Open a connection and begin a stream on it; None if it was refused."""
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(
            lambda: Client(relay, tally, on_end, tokens=tokens), "127.0.0.1", relay.port
        )
    except OSError as err:
        tally.note_error(type(err).__name__)
        return None
    return client
