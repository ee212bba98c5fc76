"""The web server's HTTP: `uvicorn --http foundation.serving.http_protocol:HttpProtocol`."""

import re

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# Headers that ask for another protocol on this connection, and say how. RFC 9113 3.1 names the last one.
_OF_UPGRADES = frozenset((b"upgrade", b"http2-settings"))
# How long, while the process ends, a connection stays open after an answer that did not announce its closing. A
# connection still idle by then is used so seldom that a request is unlikely to be on its way.
LINGER_S = 1


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, which is stricter than real clients in two ways.

    - It refuses a URL with bytes beyond ASCII; here they are treated as if they were escaped. Some clients do not
      escape names in a URL (`curl` does not), and the request's content would be lost to a 400.
    - It stops reading at a request that asks for an upgrade, which would discard the body. Java's `HttpClient` asks
      for `h2c` with every request without TLS. A server that does not take the upgrade answers as if nobody had asked
      (RFC 9110 7.8), so the request is parsed again without the upgrade.

    It also shuts down in a way that a proxy in front can follow: see `foundation.serving.lifespan`.
    """

    is_leaving = False  # for all connections: the process ends soon, so each answer says `Connection: close`

    def data_received(self, data: bytes) -> None:
        if not data.isascii() and data.startswith(b"GET ") and not self._is_in_body():
            data = with_escaped_address(data)
        self._unset_keepalive_if_required()
        while data:  # once, but for requests that ask for an upgrade
            data = self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        """Parse the bytes; return those to parse again, which are fewer requests for an upgrade each time."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            return self._without_upgrade(data[stopped.args[0] :])
        except httptools.HttpParserError:
            self._refuse()
        return b""

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            if self.is_leaving:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def close_after_answer(self) -> None:
        """Have the current answer say `Connection: close`, if its head is not written yet."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def is_idle(self) -> bool:
        """Whether the connection is idle: a request may arrive at any time."""
        return self.cycle is None or self.cycle.response_complete

    def shutdown(self) -> None:
        """The server now waits only for open requests. Called once, by uvicorn.

        A stream that began before `is_leaving` told its reader that the connection stays open. A proxy uses such a
        connection for its next request as soon as the stream has ended, so it is not closed at that moment.
        """
        if self.is_idle() or not self.is_leaving or not self.cycle.response_started:
            super().shutdown()
        elif self.cycle.keep_alive:
            self.timeout_keep_alive = LINGER_S

    def _without_upgrade(self, body: bytes) -> bytes:
        """The request's head without the upgrade, and the bytes that followed it, for a new parser."""
        method = self.parser.get_method()
        # CONNECT asks for a tunnel, not for another protocol; and what can't be removed would be parsed for ever.
        if method == b"CONNECT" or not any(name == b"upgrade" for name, _value in self.headers):
            self._refuse()
            return b""
        head = without_upgrade(method, self.url, self.headers, version=self.parser.get_http_version())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # uvicorn sets this on its own parser
        return head + body

    def _refuse(self) -> None:
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)

    def _is_in_body(self) -> bool:
        """Whether these bytes belong to an earlier request's body, where they have no meaning."""
        return self.cycle is not None and self.cycle.more_body


def with_escaped_address(request: bytes) -> bytes:
    """The request, with every byte beyond ASCII in its first line escaped."""
    line, end, rest = request.partition(b"\r\n")
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest


def without_upgrade(method: bytes, url: bytes, headers: list[tuple[bytes, bytes]], *, version: str) -> bytes:
    """The head of the request, no longer asking for another protocol; `headers` have lower-case names.

    Other tokens in `Connection` stay: `close` ends the connection after the answer.
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
