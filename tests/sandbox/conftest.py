"""The sandbox as its users see it: a real uvicorn on its own port, empty and without faults for every test."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.servers import Server

TIMEOUT_S = 10


class SandboxClient:
    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def post(self, path: str, payload: object, **headers: str) -> requests.Response:
        return self._session.post(
            self.url + path, json=payload, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )

    def chat(
        self, question: str = "hello", *, path: str = "/api/v3/chat/completions", key: str = "key", **parameters: Any
    ) -> requests.Response:
        """One chat request, its answer not read yet."""
        body = {"model": "doubao-test", "messages": [{"role": "user", "content": question}], **parameters}
        headers = {"Authorization": f"Bearer {key}"}
        return self._session.post(self.url + path, json=body, headers=headers, timeout=TIMEOUT_S, stream=True)

    def fault(self, on: str, kind: str, **parameters: object) -> int:
        response = self.post("/_faults", {"on": on, "kind": kind, **parameters})
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def ledger(self, **query: str | int) -> dict[str, Any]:
        ledger: dict[str, Any] = self._session.get(self.url + "/_ledger", params=query, timeout=TIMEOUT_S).json()
        return ledger

    def connect(self, path: str, payload: object) -> socket.socket:
        """A separate connection on which this request has been sent."""
        body = json.dumps(payload).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer key\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_S)
        connection.sendall(head.encode() + body)
        return connection

    def eventually(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The ledger, as soon as it meets the condition."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while not condition(ledger := self.ledger()):
            assert time.monotonic() < deadline_s, ledger
            time.sleep(0.01)
        return ledger

    def close(self) -> None:
        self._session.close()

    def reset(self) -> None:
        for path in ("/_faults", "/_ledger", "/_devices"):
            self._session.delete(self.url + path, timeout=TIMEOUT_S)
        self.post("/_pace", {"tokens_per_s": 0})


@pytest.fixture
def sandbox(sandbox_server: Server) -> Iterator[SandboxClient]:
    client = SandboxClient(sandbox_server.url)
    client.reset()
    yield client
    client.close()


def read(response: requests.Response) -> tuple[bytes, bool]:
    """What arrived of a streamed body, and whether it ended as HTTP requires."""
    parts = []
    try:
        for part in response.iter_content(None):
            parts.append(part)  # one by one, to keep what arrived before the cut
    except requests.exceptions.ChunkedEncodingError:
        return b"".join(parts), False
    return b"".join(parts), True


def payloads(stream: bytes) -> list[Any]:
    """The events of a whole stream, decoded; `[DONE]` is None."""
    frames = [frame.removeprefix(b"data: ") for frame in stream.split(b"\n\n")[:-1]]
    return [None if frame == b"[DONE]" else json.loads(frame) for frame in frames]
