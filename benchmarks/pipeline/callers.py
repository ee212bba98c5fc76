"""The load on the web server: keep-alive callers on bare uvloop protocols, as fast as it answers or at a fixed rate."""

import asyncio
import contextlib
import re
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_END_TIMEOUT_S = 30


@dataclass(slots=True)
class Calls:
    """The answers received. Latencies in ns, measured from the moment a call was due."""

    latencies: "array[int]" = field(default_factory=lambda: array("q"))
    errors: int = 0


class _Caller(asyncio.Protocol):
    """One connection, one call after another. `interval_s` None: the next call follows at once."""

    def __init__(
        self, next_request: Callable[[], bytes], calls: Calls, interval_s: float | None, wait_s: float
    ) -> None:
        self._next_request = next_request
        self._calls = calls
        self._interval_s = interval_s
        self._wait_s = wait_s
        self._received = b""
        self.is_stopped = False
        self.answered = asyncio.Event()  # no call is pending
        self.answered.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._due_ns = time.monotonic_ns() + int(self._wait_s * 1e9)
        self._later()

    def data_received(self, read: bytes) -> None:
        self._received += read
        if not _is_whole(self._received):
            return
        now = time.monotonic_ns()
        self._calls.latencies.append(now - self._due_ns)
        self._calls.errors += not self._received.startswith(b"HTTP/1.1 20")
        self._received = b""
        self.answered.set()
        self._due_ns = now if self._interval_s is None else self._due_ns + int(self._interval_s * 1e9)
        self._later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calls.errors += not self.answered.is_set()
        self.answered.set()

    def close(self) -> None:
        self._transport.abort()

    def _later(self) -> None:
        wait_s = (self._due_ns - time.monotonic_ns()) / 1e9
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, self._call)
        else:
            self._call()

    def _call(self) -> None:
        if self.is_stopped or self._transport.is_closing():
            return
        self.answered.clear()
        self._transport.write(self._next_request())


def _is_whole(response: bytes) -> bool:
    head_end = response.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    length = _CONTENT_LENGTH.search(response, 0, head_end)
    return len(response) >= head_end + 4 + int(length[1]) if length else response.endswith(_LAST_CHUNK)


async def call(
    port: int, next_request: Callable[[], bytes], *, seconds: float, at_once: int, per_second: float | None = None
) -> Calls:
    """Call for some seconds on `at_once` connections, and return when all calls are answered."""
    calls = Calls()
    callers = []
    interval_s = at_once / per_second if per_second else None
    for number in range(at_once):
        wait_s = number / per_second if per_second else 0.0
        make = partial(_Caller, next_request, calls, interval_s, wait_s)
        callers.append((await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port))[1])
    await asyncio.sleep(seconds)
    for caller in callers:
        caller.is_stopped = True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_TIMEOUT_S):
            await asyncio.gather(*(caller.answered.wait() for caller in callers))
    for caller in callers:
        calls.errors += not caller.answered.is_set()
        caller.close()
    return calls
