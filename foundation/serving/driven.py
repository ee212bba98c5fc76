"""Streamed responses that are driven by their source, and the ASGI handler that sends them.

Django pulls a streamed response piece by piece from an iterator: that takes a task switch per piece, a thread and a
database connection per open response, and four thread hops of sync middleware before the first byte. With thousands of
open streams this is the main cost, so on the paths of `settings.DRIVEN_PATHS` a response's source writes to the client
itself, straight from its own event. Measured on two cores at 500 streams of 50 tokens/s: 29 µs of CPU per chunk against
37 µs; and 26 µs when uvicorn's `send` is bypassed, whose object is known (any other server gets ASGI messages only).

The view stays an ordinary async view that returns a `StreamingHttpResponse`: under any other handler (such as Django's
test client) the response is iterated as usual. The view does its database work in a thread that it chooses and closes
the connection itself, since no request signal does that on these paths.
"""

import asyncio
import fcntl
import sys
import termios
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, Protocol, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, resolve, set_script_prefix
from django.utils.log import log_response
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

Message = Mapping[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]  # a coroutine, not just any awaitable: it is stepped by hand


class Source(Protocol):
    """Drives a response. All three methods are called from the event loop and return at once."""

    def drive(self, outbox: "Outbox") -> None:
        """Start writing; the response's head has been sent. Ends with `outbox.end()`, immediately or later."""

    def writable(self, is_writable: bool) -> None:
        """The client reads too slowly (False: stop the supply), or has caught up (True)."""

    def client_left(self) -> None:
        """The connection is gone; nothing more can be sent."""


class Outbox:
    """Writes to one ASGI client without a task: `send` runs to its end on the spot.

    If the server makes `send` wait because the client reads slowly, the rest runs in a task; bytes written meanwhile
    are buffered and go out in one piece. The source is told to stop, so only what it already had is buffered.
    """

    __slots__ = ("_is_ended", "_kept", "_send", "_source", "_transport", "_uvicorn", "_waiting")

    def __init__(self, send: Send, source: Source) -> None:
        """The head has already been sent, so the server knows how it frames the body."""
        self._send = send
        cycle = _cycle_of(send)
        self._transport = None if cycle is None else cycle.transport
        self._uvicorn = cycle if cycle is not None and cycle.chunked_encoding else None
        self._source = source
        self._kept = bytearray()
        self._waiting: asyncio.Task[None] | None = None
        self._is_ended = False

    def write(self, body: bytes) -> None:
        if self._waiting is not None:
            self._kept += body
            return
        uvicorn = self._uvicorn
        if body and uvicorn is not None and not uvicorn.flow.write_paused and not uvicorn.disconnected:
            # This is what uvicorn's own `send` ends up doing. Skipping the message, the coroutine and its checks saves
            # 3 µs per chunk, a tenth of the whole at 500 streams (docs/benchmarks.md).
            uvicorn.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
            return
        self._start({"type": "http.response.body", "body": body, "more_body": True})

    def end(self, body: bytes = b"") -> None:
        """Write the last bytes and end the response. Call it only once."""
        self._is_ended = True
        if self._waiting is None:
            self._start({"type": "http.response.body", "body": body, "more_body": False})
        else:
            self._kept += body
        if self._transport is not None:
            _look_after_end(self._transport)

    def abort(self) -> None:
        """Give up on a client that does not read: send nothing more and cut the connection."""
        self._kept.clear()
        if self._waiting is not None:
            self._waiting.cancel()
        # ASGI has no message for this, and an unfinished response would keep the connection and its buffers until the
        # client reads.
        if self._transport is not None:
            self._transport.abort()

    def _start(self, message: Message) -> None:
        sending = self._send(message)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        except OSError:
            return  # the client left; the handler learns of it from `http.disconnect`
        rest = self._finish(sending, awaited, was_last=not message["more_body"])
        self._waiting = asyncio.get_running_loop().create_task(rest)
        self._source.writable(False)

    async def _finish(self, sending: Coroutine[Any, Any, None], awaited: Any, *, was_last: bool) -> None:
        try:
            await _rest_of(sending, awaited)
            while self._kept or (self._is_ended and not was_last):
                was_last = self._is_ended
                body, self._kept = bytes(self._kept), bytearray()
                await self._send({"type": "http.response.body", "body": body, "more_body": not was_last})
        except OSError:
            return  # the client left; the handler learns of it from `http.disconnect`
        self._waiting = None
        if not was_last:
            self._source.writable(True)


def _cycle_of(send: Send) -> RequestResponseCycle | None:
    """uvicorn's object for this request, if uvicorn serves it."""
    server = getattr(send, "__self__", None)
    return server if isinstance(server, RequestResponseCycle) else None


def _look_after_end(transport: asyncio.Transport) -> None:
    """A response has ended: make sure that the client reads it, or is cut off.

    Not immediately: uvloop writes at the end of its iteration, and until then every client looks stalled. A timer for
    each of thousands of ended responses, and the memory it holds, would cost a fifth of a stream's set-up.
    """
    asyncio.get_running_loop().call_soon(_cut_if_stalled, transport)


def _cut_if_stalled(transport: asyncio.Transport, unread_before: int = 0) -> None:
    """Watch an ended response until the client has read it; cut the connection if the client reads nothing.

    Nothing else would: the server keeps the connection, with everything still to be sent, until the client reads.
    """
    left = transport.get_write_buffer_size()
    if not left:
        return
    unread = left + _unread_in_kernel(transport)
    if unread == unread_before:
        transport.abort()
    else:
        asyncio.get_running_loop().call_later(settings.WRITE_TIMEOUT_S, _cut_if_stalled, transport, unread)


def _unread_in_kernel(transport: asyncio.Transport) -> int:
    """Bytes that the other side has not acknowledged.

    The kernel buffers megabytes, and accepts more only when a third of them is gone: without this, a slow reader would
    look like one that does not read at all.
    """
    try:
        queued = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):  # closed meanwhile, or the system does not report it
        return 0
    return int.from_bytes(queued, sys.byteorder)


@types.coroutine
def _rest_of(started: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Continue a coroutine that was started by hand and is waiting for `awaited`."""
    while True:
        yield awaited
        try:
            awaited = started.send(None)
        except StopIteration:
            return


class DrivenResponse(StreamingHttpResponse):
    """A streamed response, written by its source."""

    def __init__(self, source: Source, **kwargs: Any) -> None:
        self.source = source
        super().__init__(streaming_content=self._pieces(), **kwargs)

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield what the source writes, for handlers that iterate; a queue of one piece holds the source back."""
        messages: asyncio.Queue[Message] = asyncio.Queue(maxsize=1)
        has_ended = False
        self.source.drive(Outbox(messages.put, self.source))
        try:
            while not has_ended:
                message = await messages.get()
                has_ended = not message["more_body"]
                yield message["body"]
        finally:
            if not has_ended:
                self.source.client_left()


class DrivenHandler(ASGIHandler):
    """Serves `DRIVEN_PATHS`: no middleware, no signals, no thread of its own, and one task per open response.

    Views there answer every error themselves and authenticate by header; a view that only reads may use the session
    cookie (in both cases there is nothing for CSRF to protect).
    """

    def load_middleware(self, is_async: bool = False) -> None:
        answer = convert_exception_to_response(self._from_view)
        self._answer = cast(Callable[[HttpRequest], Awaitable[HttpResponseBase]], answer)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._answer(request)
        if response.status_code >= 400:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)  # type: ignore[arg-type]  # only its status code is read
        return response

    async def _from_view(self, request: HttpRequest) -> HttpResponseBase:
        request.resolver_match = match = _resolved(request.path_info, settings.ROOT_URLCONF)
        view = match.func if iscoroutinefunction(match.func) else sync_to_async(match.func)
        response: HttpResponseBase = await view(request, *match.args, **match.kwargs)
        self.check_response(response, match.func)
        return await sync_to_async(response.render)() if isinstance(response, SimpleTemplateResponse) else response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]  # see Send
        body = await _read_body(receive, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        if body is None:
            return
        set_script_prefix(get_script_prefix(scope))
        request = ASGIRequest(scope, BytesIO(body))
        request.META.setdefault("CONTENT_LENGTH", str(len(body)))  # see serving/chunked.py
        # Only the client's disconnect is left to be received, possibly long after the view has returned.
        respond = asyncio.create_task(self._respond(request, send))
        try:
            while (await receive())["type"] == "http.request":
                pass  # skip the rest of a body that is too large
        finally:
            await self._finish(respond)

    async def _respond(self, request: ASGIRequest, send: Send) -> HttpResponseBase:
        response = await self.get_response_async(request)
        if not isinstance(response, DrivenResponse):
            await self._send_whole(response, request.scope, send)
            return response
        try:
            await send(_head_of(response, request.scope))
        except asyncio.CancelledError:
            response.source.client_left()
            raise
        response.source.drive(Outbox(send, response.source))
        return response

    async def _send_whole(self, response: HttpResponseBase, scope: Mapping[str, Any], send: Send) -> None:
        """Django's `send_response` would wait for the client piece by piece, and for a thread at the end."""
        if not isinstance(response, HttpResponse):
            await self.send_response(response, send)
            return
        await send(_head_of(response, scope))
        await send({"type": "http.response.body", "body": response.content, "more_body": False})
        if (cycle := _cycle_of(send)) is not None:
            _look_after_end(cycle.transport)

    async def _finish(self, respond: "asyncio.Task[HttpResponseBase]") -> None:
        """`receive` has returned: the client has left, or the response is complete."""
        if not respond.done():
            respond.cancel()
            await asyncio.wait([respond])
        if respond.cancelled():
            return
        response = respond.result()
        if isinstance(response, DrivenResponse):
            response.source.client_left()


# Nearly all requests have one of two paths, and finding the view takes 25 µs, a twentieth of a stream's set-up.
@lru_cache(maxsize=64)
def _resolved(path: str, urlconf: str) -> ResolverMatch:
    return resolve(path, urlconf)


def _head_of(response: HttpResponseBase, scope: Mapping[str, Any]) -> Message:
    """The response's start message. `scope["more_headers"]` are added to every response's own headers (cors.py)."""
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    headers += scope.get("more_headers", ())
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """Read the request's body; None if the client left. Anything past the limit stays unread.

    One byte over the limit is enough for the view to see that the body is too large.
    """
    message = await receive()
    body = bytearray(message.get("body", b""))
    while message["type"] == "http.request" and message.get("more_body") and len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
    return bytes(body) if message["type"] == "http.request" else None
