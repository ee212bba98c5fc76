"""A response's head, and the paths of its body: buffered, decompressed, pushed on or collected."""

import asyncio
import zlib
from typing import Protocol

from streaming.upstream.errors import BodyTooLarge, ProtocolError, UpstreamError
from streaming.upstream.inflate import Inflater

Headers = list[tuple[bytes, bytes]]

_MAX_BACKLOG_BYTES = 256 * 1024  # body bytes that may wait for a receiver before reading the socket pauses

_RELEASE_S = 1.0  # time for the last bytes of a body whose content is complete


class BodyReceiver(Protocol):
    """Takes a body as it arrives; called from the event loop's socket callback, so it must neither block nor raise.

    `body_ended` or `body_failed` is called once, last. After `response.close()` nothing more is called.
    """

    def body_received(self, read: bytes) -> None:
        """Take all the body bytes of one read of the socket, without chunk framing and decompressed."""

    def body_ended(self) -> None: ...

    def body_failed(self, error: UpstreamError) -> None: ...


class BodySource(Protocol):
    """What a response needs from its connection."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def drop(self) -> None:
        """Close the socket now, without telling the response."""


class UpstreamResponse:
    """The head of a response, and its body for one receiver.

    The body is buffered, up to a limit, until `deliver_to` or `read` is called. The owner of a response must read it to
    its end or close it.
    """

    __slots__ = ("_backlog", "_connection", "_inflater", "headers", "is_paused", "receiver", "status")

    def __init__(self, connection: BodySource, status: int, headers: Headers, inflater: Inflater | None) -> None:
        self.status = status
        self.headers = headers  # names in lower case
        self.is_paused = False
        self._connection: BodySource | None = connection
        self._inflater = inflater
        self._backlog: _Backlog | None = _Backlog(self)
        self.receiver: BodyReceiver = self._backlog  # the connection calls it directly

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, whose name is given in lower case."""
        return next((value for header, value in self.headers if header == name), None)

    def deliver_to(self, receiver: BodyReceiver) -> None:
        """Push the body to the receiver: the buffered bytes at once, then each read as it arrives."""
        backlog, self._backlog = self._backlog, None
        if backlog is None:
            raise RuntimeError("the body already has a receiver")
        if self._inflater is not None:
            receiver = _InflatingReceiver(self, self._inflater, receiver)
        self.receiver = receiver
        self.resume()
        backlog.replay()

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises: BodyTooLarge, ConnectionLost, ProtocolError."""
        whole = _WholeBody(self, limit)
        self.deliver_to(whole)
        try:
            return await whole.body
        finally:
            self.close()

    def pause(self) -> None:
        """Stop reading the socket, so that TCP slows the upstream down; the current read is still delivered."""
        if self.is_paused:
            return
        self.is_paused = True
        if self._connection is not None:
            self._connection.pause_reading()

    def resume(self) -> None:
        if not self.is_paused:
            return
        self.is_paused = False
        if self._connection is not None:
            self._connection.resume_reading()
        if isinstance(self.receiver, _InflatingReceiver):
            self.receiver.deliver()

    def close(self) -> None:
        """Give up the rest: an unfinished response's socket is closed at once, which tells the upstream to stop."""
        self.receiver = _NOBODY
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.drop()

    def release(self) -> None:
        """Give up the rest of a body whose content is complete; if it ends within a moment, its connection is kept."""
        self.receiver = _NOBODY
        if self._connection is not None:
            self.resume()
            asyncio.get_running_loop().call_later(_RELEASE_S, self.close)

    def body_ended(self) -> None:
        """Called by the connection, which is free for the next request."""
        self._connection = None
        self.receiver.body_ended()

    def body_failed(self, error: UpstreamError) -> None:
        """Called by the connection, which is closed."""
        self._connection = None
        self.receiver.body_failed(error)


class _Backlog:
    """Receives the body until the real receiver is known."""

    def __init__(self, response: UpstreamResponse) -> None:
        self._response = response
        self._reads: list[bytes] = []
        self._size = 0
        self._is_ended = False
        self._error: UpstreamError | None = None

    def body_received(self, read: bytes) -> None:
        self._reads.append(read)
        self._size += len(read)
        if self._size > _MAX_BACKLOG_BYTES:
            self._response.pause()

    def body_ended(self) -> None:
        self._is_ended = True

    def body_failed(self, error: UpstreamError) -> None:
        self._error = error

    def replay(self) -> None:
        """Deliver the buffered bytes to the response's current receiver, unless that closes the response meanwhile."""
        if self._reads:
            self._response.receiver.body_received(b"".join(self._reads))
        if self._error is not None:
            self._response.receiver.body_failed(self._error)
        elif self._is_ended:
            self._response.receiver.body_ended()


class _InflatingReceiver:
    """Decompresses for another receiver, piece by piece for as long as the response is not paused."""

    def __init__(self, response: UpstreamResponse, inflater: Inflater, receiver: BodyReceiver) -> None:
        self._response = response
        self._inflater = inflater
        self._receiver = receiver
        self._is_ended = False
        self._is_delivering = False

    def body_received(self, read: bytes) -> None:
        self._inflater.feed(read)
        self.deliver()

    def body_ended(self) -> None:
        self._is_ended = True
        self.deliver()

    def body_failed(self, error: UpstreamError) -> None:
        self._receiver.body_failed(error)

    def deliver(self) -> None:
        if self._is_delivering:  # the receiver paused and resumed while it was being called from here
            return
        self._is_delivering = True
        try:
            self._deliver_pieces()
        except zlib.error as err:
            self._fail(f"the body cannot be decompressed: {err}")
        finally:
            self._is_delivering = False

    def _deliver_pieces(self) -> None:
        while not self._response.is_paused and self._response.receiver is self:
            if piece := self._inflater.next_piece():
                self._receiver.body_received(piece)
            elif not self._is_ended:
                return
            elif self._inflater.is_complete:
                self._response.close()
                self._receiver.body_ended()
            else:
                self._fail("the compressed body is cut off")

    def _fail(self, problem: str) -> None:
        self._response.close()
        self._receiver.body_failed(ProtocolError(problem))


class _WholeBody:
    """Collects a body up to a limit."""

    def __init__(self, response: UpstreamResponse, limit: int) -> None:
        self.body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._response = response
        self._limit = limit
        self._reads = bytearray()

    def body_received(self, read: bytes) -> None:
        self._reads += read
        if len(self._reads) > self._limit:
            self._response.close()  # now, so that the rest of a compressed body is not even unpacked
            self.body_failed(BodyTooLarge(self._limit))

    def body_ended(self) -> None:
        if not self.body.done():
            self.body.set_result(bytes(self._reads))

    def body_failed(self, error: UpstreamError) -> None:
        if not self.body.done():  # done: the reader was cancelled
            self.body.set_exception(error)


class _Nobody:
    """The receiver of a response that was closed."""

    def body_received(self, read: bytes) -> None: ...

    def body_ended(self) -> None: ...

    def body_failed(self, error: UpstreamError) -> None: ...


_NOBODY = _Nobody()
