"""The web server's HTTP: `uvicorn --http foundation.serving.http_protocol:HttpProtocol`."""

import re

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# What asks for another protocol on this connection, and says how. RFC 9113 3.1 names the last one.
_OF_UPGRADES = frozenset((b"upgrade", b"http2-settings"))


class HttpProtocol(HttpToolsProtocol):
    """httptools, which treats two things more strictly than the world's clients can bear.

    - It refuses an address with bytes beyond ASCII; here they are taken as if they were escaped. Not everybody escapes
      the names in an address (`curl` does not), and what the request brings would be lost to a 400.
    - It stops reading at a request that asks for an upgrade: the body would be thrown away. Java's `HttpClient` asks
      for `h2c` with every request without TLS. A server that does not take the upgrade answers as if nobody had asked
      (RFC 9110 7.8), so the request is read again without its wish.
    """

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

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

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
