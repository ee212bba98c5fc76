"""One HTTP/1.1 connection as an asyncio protocol: a request out, its response in, then the next."""

import asyncio
from http import HTTPStatus
from typing import NamedTuple, Protocol, cast

import httptools

from streaming.upstream.errors import ClosedUnanswered, ConnectionLost, ProtocolError, UpstreamError
from streaming.upstream.inflate import CODINGS as INFLATER_CODINGS
from streaming.upstream.inflate import Inflater
from streaming.upstream.proxies import Proxy
from streaming.upstream.response import Headers, UpstreamResponse

_MAX_OVERHEAD_BYTES = 64 * 1024  # head, interim responses, trailers, chunk extensions: with no body byte in between


class Origin(NamedTuple):
    """The host, port and scheme that a connection leads to, and the proxy that it goes through."""

    host: str
    port: int
    is_tls: bool
    proxy: Proxy | None = None


class Owner(Protocol):
    """What a connection needs from its pool."""

    def opened(self, connection: "Connection") -> None: ...

    def keep(self, connection: "Connection") -> None:
        """Take a connection whose response was read to its end, for the next request."""

    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """One socket: sends a request, parses its response, and then is kept or closed.

    httptools calls the `on_…` methods while it is fed. `on_body` is a list's `append`: the body parts of one read are
    gathered without a call into Python, and delivered as one.
    """

    __slots__ = (
        "_head",
        "_headers",
        "_is_close_delimited",
        "_is_complete",
        "_is_reusable",
        "_overhead_bytes",
        "_owner",
        "_parser",
        "_parts",
        "_response",
        "_transport",
        "closed",
        "on_body",
        "origin",
    )

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, origin: Origin) -> None:
        self.origin = origin
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._head: asyncio.Future[UpstreamResponse] | None = None  # awaited from the request to the end of the head
        self._headers: Headers = []
        self._response: UpstreamResponse | None = None  # from the end of the head to the end of the body
        self._is_close_delimited = False
        self._is_complete = False
        self._is_reusable = False
        self._overhead_bytes = 0  # received since the request or the last byte of body
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser = httptools.HttpResponseParser(self)

    async def exchange(self, request: bytes) -> UpstreamResponse:
        """Send a request; return once the head of its response has arrived."""
        head: asyncio.Future[UpstreamResponse] = asyncio.get_running_loop().create_future()
        self._head = head
        self._headers = []
        self._overhead_bytes = 0
        self._transport.write(request)
        try:
            return await head
        except asyncio.CancelledError:
            self.abort()
            raise

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def abort(self) -> None:
        """Close the socket now, even with unsent bytes; a response under way fails."""
        self._transport.abort()

    def drop(self) -> None:
        """Close the socket now, without telling the response under way."""
        self._response = None
        self._transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.opened(self)

    def data_received(self, read: bytes) -> None:
        problem = None
        try:
            self._parser.feed_data(read)
        except httptools.HttpParserError as err:
            problem = _protocol_error(err)
        parts = self._parts
        if parts:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            parts.clear()
            self._overhead_bytes = 0
            if self._response is not None:
                self._response.receiver.body_received(body)
        else:
            self._overhead_bytes += len(read)
            if self._overhead_bytes > _MAX_OVERHEAD_BYTES:
                problem = ProtocolError(f"{self._overhead_bytes} bytes of headers or framing without a byte of body")
        if self._is_complete:
            self._is_complete = False
            self._end_response(is_reusable=self._is_reusable and problem is None)
        elif problem is not None:
            self.abort()
            self._fail(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        del self._parser  # breaks a reference cycle, so that no garbage collection is needed
        self._owner.lost(self)
        if not self.closed.done():
            self.closed.set_result(None)
        if self._response is not None and self._is_close_delimited and exc is None:
            self._end_response(is_reusable=False)
        elif self._overhead_bytes == 0 and self._head is not None:
            self._fail(ClosedUnanswered("closed before a byte of the response arrived"))
        else:
            self._fail(ConnectionLost(f"the connection ended within the response: {exc or 'closed'}"))

    # Called by the parser. An exception here ends the parsing of this read.

    def on_message_begin(self) -> None:
        if self._head is None:
            raise ProtocolError("received bytes that answer no request")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._response is None:  # otherwise it is a trailer
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ProtocolError("the upstream switched protocols without being asked")
        if status < HTTPStatus.OK:
            self._headers = []  # an interim response; the real one follows
            return
        fields = dict(self._headers)
        inflater = _inflater(fields)
        self._is_close_delimited = _is_close_delimited(fields)
        self._is_reusable = self._parser.should_keep_alive()
        self._response = UpstreamResponse(self, status, self._headers, inflater)
        head, self._head = self._head, None
        if head is not None and not head.done():
            head.set_result(self._response)

    def on_message_complete(self) -> None:
        self._is_complete = self._response is not None  # an interim response has no response object

    def _end_response(self, *, is_reusable: bool) -> None:
        response, self._response = self._response, None
        if response is None:
            return  # closed while its last bytes were being delivered
        if is_reusable and not self._transport.get_write_buffer_size():
            if response.is_paused:
                self._transport.resume_reading()  # to notice when the server closes
            self._owner.keep(self)
        else:
            self.abort()
        response.body_ended()

    def _fail(self, error: UpstreamError) -> None:
        head, self._head = self._head, None
        response, self._response = self._response, None
        if head is not None and not head.done():
            head.set_exception(error)
        if response is not None:
            response.body_failed(error)


def _protocol_error(err: httptools.HttpParserError) -> ProtocolError:
    if isinstance(err.__context__, ProtocolError):  # raised by one of the connection's own callbacks
        return err.__context__
    error = ProtocolError(f"not HTTP/1.1: {err}")
    error.__cause__ = err
    return error


def _is_close_delimited(fields: dict[bytes, bytes]) -> bool:
    """Whether the body ends where the connection ends. Raises: ProtocolError."""
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        return b"content-length" not in fields
    if coding.lower() != b"chunked":
        raise ProtocolError(f"transfer-encoding {coding!r}")
    return False


def _inflater(fields: dict[bytes, bytes]) -> Inflater | None:
    """Return the decompressor for the content coding. Raises: ProtocolError if it is unknown and was not requested."""
    coding = fields.get(b"content-encoding", b"identity").lower()
    if coding in {b"identity", b""}:
        return None
    if coding in INFLATER_CODINGS:
        return Inflater(coding)
    raise ProtocolError(f"content-encoding {coding!r}")
