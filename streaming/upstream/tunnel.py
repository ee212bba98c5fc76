"""A tunnel through an HTTP proxy: CONNECT, the proxy's consent, and from then on bytes of anything."""

import asyncio
import re
from typing import cast

from streaming.upstream.errors import ProxyRefused
from streaming.upstream.proxies import Proxy

_MAX_HEAD_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")


class Tunnel(asyncio.Protocol):
    """Asks for the tunnel as soon as the proxy is connected; `opened` is then done with its transport.

    `opened` fails with ProxyRefused.
    """

    def __init__(self, proxy: Proxy, authority: str) -> None:
        self.opened: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        self._proxy = proxy
        self._authority = authority
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        authorization = self._proxy.authorization
        self._transport.write(
            b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n"
            % (
                self._authority.encode(),
                self._authority.encode(),
                b"Proxy-Authorization: %b\r\n" % authorization if authorization else b"",
            )
        )

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            return
        self._head += data
        if b"\r\n\r\n" in self._head:
            self._consider(_STATUS.match(self._head))
        elif len(self._head) > _MAX_HEAD_BYTES:
            self._refuse("answers CONNECT with an endless head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse(f"closed the connection: {exc or 'without an answer'}")

    def abort(self) -> None:
        """Close the socket now."""
        self._transport.abort()

    def _consider(self, status: re.Match[bytes] | None) -> None:
        if status is None:
            self._refuse("does not speak HTTP/1.1")
        elif not status[1].startswith(b"2"):
            self._refuse(f"answers CONNECT to {self._authority} with {status[1].decode()}")
        else:
            self.opened.set_result(self._transport)

    def _refuse(self, why: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ProxyRefused(f"the proxy {self._proxy.host}:{self._proxy.port} {why}"))
            self._transport.abort()
