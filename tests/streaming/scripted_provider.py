"""A provider whose every byte and pause is scripted by the test."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, BinaryIO


class Act(Enum):
    """What a script can do besides sending bytes and pausing."""

    RESET = "reset"  # the connection, with a RST
    UNTIL_LEFT = "until left"  # wait for the other side to close
    PART = "part"  # wait until the test calls `go_on`


Step = bytes | float | Act
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def head(status: int = 200, *headers: str, length: int | None = None) -> bytes:
    ends = "Connection: close" if length is None else f"Content-Length: {length}"
    lines = [f"HTTP/1.1 {status} Said so", ends, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """A whole response."""
    return head(status, "Content-Type: application/json", *headers, length=len(body)) + body


def event(payload: Any) -> bytes:
    """One event with this payload as JSON."""
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\n\n"


def chunk(content: str | None = None, *, finish_reason: str | None = None, **delta: Any) -> bytes:
    """An event with a chunk in OpenAI's shape."""
    choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish_reason}
    return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]})


@dataclass
class Request:
    """A received request; `left_at` is the monotonic time at which the other side closed."""

    head: str
    body: bytes
    connection: int
    left_at: float | None = None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedProvider:
    """Answers requests by the scripts given to `on_request`, one after another; the last one is used from then on.

    A script whose response has a length leaves the connection open for the next request.
    """

    port: int
    requests: list[Request] = field(default_factory=list)
    sent_bytes: int = 0
    _scripts: list[Sequence[Step]] = field(default_factory=list)
    _go_on: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def on_request(self, *scripts: Sequence[Step]) -> None:
        self._scripts = list(scripts)

    def stream(self, *steps: Step) -> None:
        """Answer every request with this stream, which ends where the connection ends."""
        self.on_request([STREAM_HEAD, *steps])

    def go_on(self) -> None:
        self._go_on.release()

    def left_after(self, since: float, *, within_s: float = 5) -> float:
        """Seconds after `since` at which the last request's connection was closed by the other side."""
        give_up_at = time.monotonic() + within_s
        while (left_at := self.requests[-1].left_at) is None:
            assert time.monotonic() < give_up_at, "the connection to the provider is still open"
            time.sleep(0.005)
        return left_at - since

    def serve(self, connection: socket.socket, number: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as reader:
            while (request := _read_request(reader, number)) is not None:
                with self._lock:
                    self.requests.append(request)
                    script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                try:
                    self._play(connection, request, script)
                except OSError:
                    request.left_at = request.left_at or time.monotonic()
                    return
                if b"Content-Length" not in next((step for step in script if isinstance(step, bytes)), b""):
                    return

    def _play(self, connection: socket.socket, request: Request, script: Sequence[Step]) -> None:
        for step in script:
            if isinstance(step, bytes):
                connection.sendall(step)
                self.sent_bytes += len(step)
            elif step is Act.UNTIL_LEFT:
                connection.recv(1)
                request.left_at = time.monotonic()
            elif step is Act.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            elif step is Act.PART:
                self._go_on.acquire(timeout=30)
            else:
                time.sleep(float(step))


@contextmanager
def scripted_provider() -> Iterator[ScriptedProvider]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        provider = ScriptedProvider(port=server.getsockname()[1])
        threading.Thread(target=_accept, args=(server, provider), daemon=True).start()
        yield provider
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, provider: ScriptedProvider) -> None:
    number = 0
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # closed: the test is over
            return
        number += 1
        threading.Thread(target=provider.serve, args=(connection, number), daemon=True).start()


def _read_request(reader: BinaryIO, number: int) -> Request | None:
    """The next request of a connection; None if it is closed."""
    request_head = b""
    while not request_head.endswith(b"\r\n\r\n"):
        try:
            line = reader.readline()
        except OSError:
            line = b""
        if not line:
            return None
        request_head += line
    head = request_head.decode()
    length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0])
    return Request(head=head, body=reader.read(length), connection=number)
