"""Responses that their source drives: what a server sees, however slow it is, and what the source learns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from foundation.serving.driven import DrivenHandler, DrivenResponse, Message, Outbox, Scope


class Server:
    """The server's side of one ASGI connection."""

    def __init__(self, *received: Message) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.failure: OSError | None = None
        self._received = list(received) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def send(self, message: Message) -> None:
        if not self.is_reading.is_set():
            await self.is_reading.wait()
        if self.failure is not None:
            raise self.failure
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.left.set()  # uvicorn's `receive` returns when the response is complete

    async def receive(self) -> Message:
        if self._received:
            return self._received.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    def body(self) -> list[tuple[bytes, bool]]:
        return [(each["body"], each["more_body"]) for each in self.sent if each["type"] == "http.response.body"]


class Source:
    """Writes what it is told to when it is driven, and records what it hears."""

    def __init__(self, *writes: bytes, ends: bool = True) -> None:
        self.heard: list[str] = []
        self.outbox: Outbox | None = None
        self._writes = writes
        self._ends = ends

    def drive(self, outbox: Outbox) -> None:
        self.outbox = outbox
        for write in self._writes:
            outbox.write(write)
        if self._ends:
            outbox.end(b"end")

    def writable(self, is_writable: bool) -> None:
        self.heard.append("writable" if is_writable else "wait")

    def client_left(self) -> None:
        self.heard.append("left")


async def _settle() -> None:
    """Let every task run until it has to wait."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- The outbox -------------------------------------------------------------------------------------------------------


def test_writes_go_out_on_the_spot() -> None:
    async def run() -> tuple[list[tuple[bytes, bool]], int]:
        server, source = Server(), Source()
        outbox = Outbox(server.send, source)
        outbox.write(b"a")
        outbox.write(b"b")
        outbox.end(b"c")
        return server.body(), len(asyncio.all_tasks())

    assert asyncio.run(run()) == ([(b"a", True), (b"b", True), (b"c", False)], 1)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (b"d", [(b"a", True), (b"b", True), (b"cd", False)]),
        (b"", [(b"a", True), (b"b", True), (b"c", False)]),
    ],
)
def test_writes_to_a_slow_reader_are_kept_and_joined(last: bytes, expected: list[tuple[bytes, bool]]) -> None:
    async def run() -> tuple[list[str], list[tuple[bytes, bool]], list[str]]:
        server, source = Server(), Source()
        outbox = Outbox(server.send, source)
        outbox.write(b"a")
        server.is_reading.clear()
        outbox.write(b"b")
        outbox.write(b"c")
        outbox.end(last)
        heard_before = list(source.heard)
        server.is_reading.set()
        await _settle()
        return heard_before, server.body(), source.heard

    assert asyncio.run(run()) == (["wait"], expected, ["wait"])


def test_end_without_a_body_after_a_write_that_waits_ends() -> None:
    async def run() -> list[tuple[bytes, bool]]:
        server, source = Server(), Source()
        outbox = Outbox(server.send, source)
        server.is_reading.clear()
        outbox.write(b"a")
        outbox.end()
        server.is_reading.set()
        await _settle()
        return server.body()

    assert asyncio.run(run()) == [(b"a", True), (b"", False)]


def test_source_hears_when_the_reader_has_caught_up() -> None:
    async def run() -> tuple[list[str], list[tuple[bytes, bool]]]:
        server, source = Server(), Source()
        outbox = Outbox(server.send, source)
        server.is_reading.clear()
        outbox.write(b"a")
        server.is_reading.set()
        await _settle()
        outbox.write(b"b")
        return source.heard, server.body()

    assert asyncio.run(run()) == (["wait", "writable"], [(b"a", True), (b"b", True)])


@pytest.mark.parametrize("is_slow", [False, True])
def test_write_to_a_connection_that_is_gone_is_no_error(is_slow: bool) -> None:
    async def run() -> list[tuple[bytes, bool]]:
        server, source = Server(), Source()
        server.failure = ConnectionResetError()
        outbox = Outbox(server.send, source)
        if is_slow:
            server.is_reading.clear()
        outbox.write(b"a")
        server.is_reading.set()
        await _settle()
        outbox.end(b"b")
        return server.body()

    assert asyncio.run(run()) == []


def test_abort_forgets_what_waits() -> None:
    async def run() -> tuple[list[tuple[bytes, bool]], int]:
        server, source = Server(), Source()
        outbox = Outbox(server.send, source)
        server.is_reading.clear()
        outbox.write(b"a")
        outbox.write(b"b")
        outbox.abort()
        server.is_reading.set()
        await _settle()
        return server.body(), len(asyncio.all_tasks())

    assert asyncio.run(run()) == ([], 1)


# --- The response under any handler -----------------------------------------------------------------------------------


def test_response_can_be_iterated() -> None:
    async def run() -> list[bytes]:
        response = DrivenResponse(Source(b"a", b"b"))
        pieces: AsyncIterator[bytes] = aiter(response)
        return [piece async for piece in pieces]

    assert b"".join(asyncio.run(run())) == b"abend"


def test_iteration_that_is_given_up_tells_the_source() -> None:
    async def run() -> list[str]:
        source = Source(b"a", ends=False)
        async with aclosing(DrivenResponse(source)._pieces()) as pieces:  # type: ignore[type-var]  # it is a generator
            await anext(pieces)
        return source.heard

    assert asyncio.run(run()) == ["left"]


# --- The handler ------------------------------------------------------------------------------------------------------

_sources: list[Source] = []


async def stream(request: HttpRequest) -> DrivenResponse:
    _sources.append(Source(b"body " + request.body))
    return DrivenResponse(_sources[-1], headers={"X-Name": "河".encode().decode("latin1")})


async def stream_without_end(request: HttpRequest) -> DrivenResponse:
    _sources.append(Source(b"first", ends=False))
    return DrivenResponse(_sources[-1])


async def opens_for_ever(request: HttpRequest) -> HttpResponse:
    _sources.append(Source())
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        _sources[-1].heard.append("cancelled")
        raise
    return HttpResponse()


async def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"%d" % len(request.body), status=418)


async def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("a secret of the code")


urlpatterns = [
    path("stream", stream),
    path("stream-without-end", stream_without_end),
    path("opens-for-ever", opens_for_ever),
    path("plain", plain),
    path("broken", broken),
]


def request(path: str) -> Scope:
    return {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}


def handled(server_of: Callable[[], Server], scope: Scope, meanwhile: Callable[[Server], Awaitable[Any]]) -> Server:
    """The server after the handler has returned; `meanwhile` runs as soon as it waits."""
    _sources.clear()

    async def run() -> Server:
        server = server_of()
        handler = DrivenHandler()
        handler.load_middleware(is_async=True)
        task = asyncio.create_task(handler(scope, server.receive, server.send))
        await meanwhile(server)
        async with asyncio.timeout(5):
            await task
        return server

    with override_settings(ROOT_URLCONF=__name__):
        return asyncio.run(run())


async def nothing(server: Server) -> None: ...


async def leave(server: Server) -> None:
    await _settle()
    server.left.set()


def test_handler_sends_what_the_source_writes() -> None:
    chunks: list[Message] = [
        {"type": "http.request", "body": b"in ", "more_body": True},
        {"type": "http.request", "body": b"two", "more_body": False},
    ]

    server = handled(lambda: Server(*chunks), request("/stream"), nothing)

    assert server.body() == [(b"body in two", True), (b"end", False)]
    assert server.sent[0]["status"] == 200
    assert (b"X-Name", "河".encode()) in server.sent[0]["headers"]


def test_handler_tells_the_source_that_the_client_left() -> None:
    server = handled(Server, request("/stream-without-end"), leave)

    assert server.body() == [(b"first", True)]
    assert _sources[0].heard == ["left"]


def test_handler_cancels_a_view_whose_client_left() -> None:
    server = handled(Server, request("/opens-for-ever"), leave)

    assert server.sent == []
    assert _sources[0].heard == ["cancelled"]


def test_client_that_leaves_within_its_request_reaches_no_view() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]

    server = handled(lambda: Server(*messages), request("/stream"), nothing)

    assert (server.sent, _sources) == ([], [])


def test_handler_reads_one_byte_more_than_allowed_and_drops_the_rest(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    messages: list[Message] = [{"type": "http.request", "body": b"x" * 600, "more_body": True}] * 5
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    server = handled(lambda: Server(*messages), request("/stream"), nothing)

    assert server.sent[0]["status"] == 400  # Django's answer when the view lets RequestDataTooBig out
    assert server._received == []


def test_handler_sends_ordinary_responses() -> None:
    server = handled(Server, request("/plain"), nothing)

    assert server.sent[0]["status"] == 418
    assert server.body() == [(b"0", False)]


def test_handler_answers_an_error_of_the_view_without_its_text() -> None:
    server = handled(Server, request("/broken"), nothing)

    assert server.sent[0]["status"] == 500
    assert b"a secret of the code" not in server.body()[0][0]
