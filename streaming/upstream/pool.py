"""The pool: writes requests, and opens, keeps and closes connections."""

import asyncio
import functools
import ssl
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from streaming.upstream.connection import Connection, Origin
from streaming.upstream.errors import ClosedUnanswered, ConnectFailed, ConnectTimedOut
from streaming.upstream.response import Headers, UpstreamResponse


class UpstreamPool:
    """Keep-alive connections of one event loop to any number of upstreams.

    Open responses are not limited; `max_idle` bounds the connections kept for later, across all upstreams.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float = 5,
        idle_timeout_s: float = 60,
        max_idle: int = 100,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._max_idle = max_idle
        self._ssl_context = ssl_context
        self._open: set[Connection] = set()
        self._idle: dict[Connection, asyncio.TimerHandle] = {}  # oldest first
        self._is_closed = False

    @property
    def open_connections(self) -> int:
        return len(self._open)

    @property
    def idle_connections(self) -> int:
        return len(self._idle)

    async def post(
        self, url: str, headers: Headers, body: bytes, *, connect_timeout_s: float | None = None
    ) -> UpstreamResponse:
        """Send a request and return as soon as the response's head has arrived.

        Host, Content-Length and Accept-Encoding are written here; `headers` are the others. The caller decides how long
        to wait for the head: cancelling closes the socket at once.

        The server may close an idle connection just when it is used again. If it ends without a single byte of an
        answer, the request is sent once more, on a new connection.

        Raises: ConnectFailed, ProtocolError, ConnectionLost; ValueError for a URL or a header that cannot be sent.
        """
        endpoint = _endpoint(url)
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (endpoint.head, _header_lines(headers), len(body), body)
        if (idle := self._take_idle(endpoint.origin)) is not None:
            try:
                return await idle.exchange(request)
            except ClosedUnanswered:
                if self._is_closed:
                    raise
        timeout_s = self._connect_timeout_s if connect_timeout_s is None else connect_timeout_s
        connection = await self._connect(endpoint.origin, timeout_s)
        return await connection.exchange(request)

    async def close(self) -> None:
        """Close every connection, including those whose response is still being read."""
        self._is_closed = True
        connections = list(self._open)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.closed for connection in connections))

    async def _connect(self, origin: Origin, timeout_s: float) -> Connection:
        if self._is_closed:
            raise RuntimeError("the pool is closed")
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self, origin),
                    origin.host,
                    origin.port,
                    ssl=self._tls_context() if origin.is_tls else None,
                    server_hostname=origin.host if origin.is_tls else None,
                )
        except TimeoutError as err:
            raise ConnectTimedOut(f"{origin.host}:{origin.port} took longer than {timeout_s} s") from err
        except OSError as err:  # ssl.SSLError and socket.gaierror are OSErrors
            raise ConnectFailed(f"{origin.host}:{origin.port}: {err}") from err
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        # Created when first needed: loading the system's certificates takes tens of milliseconds.
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context

    def _take_idle(self, origin: Origin) -> Connection | None:
        # Newest first, so that the others grow old and expire.
        for connection in reversed(self._idle):
            if connection.origin == origin:
                self._idle.pop(connection).cancel()
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        """Take back a connection whose response was read to its end."""
        if self._is_closed or not self._max_idle:
            connection.abort()
            return
        if len(self._idle) >= self._max_idle:
            self._drop_idle(next(iter(self._idle)))
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(self._idle_timeout_s, self._drop_idle, connection)

    def _drop_idle(self, connection: Connection) -> None:
        self._idle.pop(connection).cancel()
        connection.abort()

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if (expiry := self._idle.pop(connection, None)) is not None:
            expiry.cancel()


class _Endpoint(NamedTuple):
    """A URL, prepared for sending requests to it."""

    origin: Origin
    head: bytes  # the request line and the constant headers, each with its CRLF


@functools.lru_cache(maxsize=256)
def _endpoint(url: str) -> _Endpoint:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an upstream URL is http(s)://host[:port]/path, without user or password")
    is_tls = parts.scheme == "https"
    host = parts.hostname.encode("idna").decode()
    origin = Origin(host, parts.port or (443 if is_tls else 80), is_tls)
    return _Endpoint(origin, _request_head(parts, host))


def _request_head(parts: SplitResult, host: str) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError(f"an upstream URL's path must be percent-encoded: {target!r}")
    authority = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        authority += f":{parts.port}"
    return f"POST {target} HTTP/1.1\r\nHost: {authority}\r\nAccept-Encoding: identity\r\n".encode()


def _header_lines(headers: Headers) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    # A line end inside a value would let it add headers, and a key read from a file often ends in one.
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        names = b", ".join(name for name, value in headers if b"\n" in name + value or b"\r" in name + value)
        raise ValueError(f"a header has a line break: {names!r}")
    return lines
