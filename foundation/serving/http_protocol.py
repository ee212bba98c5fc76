"""The web server's HTTP: `uvicorn --http foundation.serving.http_protocol:HttpProtocol`."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class HttpProtocol(HttpToolsProtocol):
    """httptools, which refuses an address with bytes beyond ASCII; here they are taken as if they were escaped.

    Not everybody escapes the names in a monitor link (`curl` does not), and the click would be lost to a 400.
    """

    def data_received(self, data: bytes) -> None:
        if not data.isascii() and data.startswith(b"GET ") and not self._is_in_body():
            data = with_escaped_address(data)
        super().data_received(data)

    def _is_in_body(self) -> bool:
        """Of an earlier request, whose bytes mean nothing here."""
        return self.cycle is not None and self.cycle.more_body


def with_escaped_address(request: bytes) -> bytes:
    """The request, in whose first line there is nothing beyond ASCII any more."""
    line, end, rest = request.partition(b"\r\n")
    return _NOT_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest
