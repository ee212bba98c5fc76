"""The web server's HTTP: `uvicorn --http foundation.serving.http_protocol:HttpProtocol`."""

import re

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# What asks for another protocol on this connection, and says how. RFC 9113 3.1 names the last one.
_OF_UPGRADES = frozenset((b"upgrade", b"http2-settings"))
# How long a connection stays open after an answer that did not say that it closes, while the process ends. One that is
# still unused then is used so seldom that hardly any request is on its way to it.
LINGER_S = 1


class HttpProtocol(HttpToolsProtocol):
    """httptools, which treats two things more strictly than the world's clients can bear.

    - It refuses an address with bytes beyond ASCII; here they are taken as if they were escaped. Not everybody escapes
      the names in an address (`curl` does not), and what the request brings would be lost to a 400.
    - It stops reading at a request that asks for an upgrade: the body would be thrown away. Java's `HttpClient` asks
      for `h2c` with every request without TLS. A server that does not take the upgrade answers as if nobody had asked
      (RFC 9110 7.8), so the request is read again without its wish.

    And it leaves in a way that a proxy in front can follow: see `foundation.serving.lifespan`.
    """

    is_leaving = False  # of all connections: the process ends soon, each answer says `Connection: close`

    def data_received(self, data: bytes) -> None:
        if not data.isascii() and data.startswith(b"GET ") and not self._is_in_body():
            data = with_escaped_address(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._read_without_upgrade(data[stopped.args[0] :])
        except httptools.HttpParserError:
            self._refuse()

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            if self.is_leaving:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def close_after_answer(self) -> None:
        """Have the answer at hand say so, if its head is not written yet."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def is_idle(self) -> bool:
        """A request may come at any time."""
        return self.cycle is None or self.cycle.response_complete

    def shutdown(self) -> None:
        """The server waits for what is open, and no longer. Called once, by uvicorn.

        A stream that began before `is_leaving` said to its reader that the connection stays. A proxy takes such a
        connection for its next request the moment that the stream has ended, so it is not closed in that moment.
        """
        if self.is_idle() or not self.is_leaving or not self.cycle.response_started:
            super().shutdown()
        elif self.cycle.keep_alive:
            self.timeout_keep_alive = LINGER_S

    def _read_without_upgrade(self, body: bytes) -> None:
        """Read the request's head again, without the wish, and go on with what came behind it."""
        method = self.parser.get_method()
        if method == b"CONNECT":  # wishes for a tunnel, not for another protocol
            self._refuse()
            return
        head = without_upgrade(method, self.url, self.headers, version=self.parser.get_http_version())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(head + body)

    def _refuse(self) -> None:
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)

    def _is_in_body(self) -> bool:
        """Of an earlier request, whose bytes mean nothing here."""
        return self.cycle is not None and self.cycle.more_body


def with_escaped_address(request: bytes) -> bytes:
    """The request, in whose first line there is nothing beyond ASCII any more."""
    line, end, rest = request.partition(b"\r\n")
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest


def without_upgrade(method: bytes, url: bytes, headers: list[tuple[bytes, bytes]], *, version: str) -> bytes:
    """The head of the same request that asks for no other protocol; `headers` have names in lower case.

    What else stands in `Connection` stays: `close` ends the connection after the answer.
    """
    kept = [(name, value) for name, value in headers if name not in _OF_UPGRADES]
    lines = [b"%b: %b\r\n" % header for header in map(_without_token, kept) if header != (b"connection", b"")]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version.encode(), b"".join(lines))


def _without_token(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name != b"connection":
        return header
    tokens = [token.strip() for token in value.split(b",")]
    return name, b", ".join([token for token in tokens if token.lower() not in _OF_UPGRADES])
