"""The pool: writes requests, and opens, keeps and closes connections."""

import asyncio
import functools
import ssl
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from streaming.upstream import proxies
from streaming.upstream.connection import Connection, Origin
from streaming.upstream.errors import ClosedUnanswered, ConnectFailed, ConnectTimedOut
from streaming.upstream.proxies import Proxy
from streaming.upstream.response import Headers, UpstreamResponse
from streaming.upstream.tunnel import Tunnel

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)


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
        self,
        url: str,
        headers: Headers,
        body: bytes,
        *,
        connect_timeout_s: float | None = None,
        proxy_url: str | None = None,
    ) -> UpstreamResponse:
        """Send a request and return as soon as the response's head has arrived.

        Host, Content-Length and Accept-Encoding are written here; `headers` are the others. The caller decides how long
        to wait for the head: cancelling closes the socket at once. Through a proxy, an https URL is reached by CONNECT,
        an http one by asking the proxy for it.

        The server may close an idle connection just when it is used again. If it ends without a single byte of an
        answer, the request is sent once more, on a new connection.

        Raises: ConnectFailed, ProtocolError, ConnectionLost; ValueError for a URL or a header that cannot be sent, or
        a proxy's URL that is none.
        """
        endpoint = _endpoint(url, proxy_url)
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
                if origin.proxy is None:
                    return await self._open_socket(lambda: Connection(self, origin), origin)
                if origin.is_tls:
                    return await self._connect_through(origin.proxy, origin)
                return await self._open_socket(lambda: Connection(self, origin), origin.proxy)
        except TimeoutError as err:
            raise ConnectTimedOut(f"{_shown(origin)} took longer than {timeout_s} s") from err
        except OSError as err:  # ssl.SSLError and socket.gaierror are OSErrors
            raise ConnectFailed(f"{_shown(origin)}: {err}") from err

    async def _connect_through(self, proxy: Proxy, origin: Origin) -> Connection:
        tunnel = await self._open_socket(lambda: Tunnel(proxy, _authority(origin.host, origin.port)), proxy)
        connection = Connection(self, origin)
        try:
            transport = await asyncio.get_running_loop().start_tls(
                await tunnel.opened, connection, self._tls_context(), server_hostname=origin.host
            )
        except BaseException:
            tunnel.abort()
            raise
        if transport is None:  # its type says so; it is None only for a transport that is closing
            raise ConnectionResetError("closed within the handshake")
        connection.connection_made(transport)
        return connection

    async def _open_socket(self, protocol: Callable[[], ProtocolT], to: Origin | Proxy) -> ProtocolT:
        _, made = await asyncio.get_running_loop().create_connection(
            protocol,
            to.host,
            to.port,
            ssl=self._tls_context() if to.is_tls else None,
            server_hostname=to.host if to.is_tls else None,
        )
        return made

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
def _endpoint(url: str, proxy_url: str | None) -> _Endpoint:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an upstream URL is http(s)://host[:port]/path, without user or password")
    is_tls = parts.scheme == "https"
    host = parts.hostname.encode("idna").decode()
    proxy = proxies.parse(proxy_url) if proxy_url else None
    origin = Origin(host, parts.port or (443 if is_tls else 80), is_tls, proxy)
    return _Endpoint(origin, _request_head(parts, host, proxy if not is_tls else None))


def _request_head(parts: SplitResult, host: str, asked: Proxy | None) -> bytes:
    """`asked` is a proxy that gets the request itself, and is told the whole URL."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError(f"an upstream URL's path must be percent-encoded: {target!r}")
    authority = _authority(host, parts.port)
    consent = b""
    if asked is not None:
        target = f"http://{authority}{target}"
        consent = b"Proxy-Authorization: %b\r\n" % asked.authorization if asked.authorization else b""
    return f"POST {target} HTTP/1.1\r\nHost: {authority}\r\nAccept-Encoding: identity\r\n".encode() + consent


def _authority(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _shown(origin: Origin) -> str:
    address = f"{origin.host}:{origin.port}"
    return f"{address} through {origin.proxy.host}:{origin.proxy.port}" if origin.proxy is not None else address


def _header_lines(headers: Headers) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    # A line end inside a value would let it add headers, and a key read from a file often ends in one.
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        names = b", ".join(name for name, value in headers if b"\n" in name + value or b"\r" in name + value)
        raise ValueError(f"a header has a line break: {names!r}")
    return lines
