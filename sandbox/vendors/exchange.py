"""One HTTP exchange over ASGI, and the ways in which a broken server ends it.

Runs on uvicorn: only its transport can break a connection; ASGI has no message for it.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

JSON = b"application/json"
# l_onoff, l_linger: closing discards what is unsent and answers with RST instead of FIN.
LINGER_RESET = struct.pack("ii", 1, 0)


class Exchange:
    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._query: bytes = scope["query_string"]
        self._receive = receive
        self._send = send

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self._query.decode("latin-1")))

    def header(self, name: bytes) -> str:
        """The value of the header with this lower-case name, empty when absent."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")

    async def body(self) -> bytes:
        message = await self._receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body"):
            message = await self._receive()
            body += message.get("body", b"")
        return body

    async def answer(self, status: int, body: bytes, content_type: bytes, headers: Headers = ()) -> None:
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, content_type, (length, *headers))
        await self._send({"type": "http.response.body", "body": body})

    async def answer_json(self, payload: object, status: int = 200, headers: Headers = ()) -> None:
        await self.answer(status, msgspec.json.encode(payload), JSON, headers)

    async def start(self, status: int, content_type: bytes, headers: Headers = ()) -> None:
        """Send the head of an answer whose body follows by `write()` and `end()`."""
        start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", content_type), *headers],
        }
        await self._send(start)

    async def write(self, part: bytes) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def left(self) -> None:
        """Return when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def until_left(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`, but only while the client is connected. Returns True if the client left first."""
        working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self.left())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            unfinished = working.cancel()
        if not unfinished:
            working.result()
        return unfinished

    async def close(self) -> None:
        """Flush, then close the connection without ending the answer: the client sees a truncated body."""
        self._transport.close()
        await self.left()

    async def reset(self) -> None:
        """Break the connection with an RST, as a crashed server or a middlebox does."""
        # uvicorn hides the socket, and asyncio's abort() alone sends a polite FIN. The option is the connection's, so
        # setting it through a duplicate of the descriptor is enough.
        with socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        self._transport.abort()
        await self.left()

    @property
    def _transport(self) -> asyncio.Transport:
        # `send` is a method of uvicorn's RequestResponseCycle, which holds the connection's transport.
        transport: asyncio.Transport = self._send.__self__.transport  # type: ignore[attr-defined]  # a bound method
        return transport
