"""A client of the app profile as an app would write it: requests and a few lines of SSE."""

import json
from collections.abc import Iterator
from typing import Any

import requests

Event = tuple[int, str, dict[str, Any]]

QUESTION = {"messages": [{"role": "user", "content": "Tell me a long story"}]}


_opened: list["Chat"] = []


class Chat:
    """One response of the app profile."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.raw = b""
        self.events: list[Event] = []
        self._source = self._read()
        _opened.append(self)

    def take(self, count: int) -> list[Event]:
        """The next events; waits for them."""
        return [next(self._source) for _ in range(count)]

    def rest(self) -> list[Event]:
        return list(self._source)

    @property
    def id(self) -> str:
        return str(self.events[0][2]["id"])

    @property
    def text(self) -> str:
        return "".join(payload["text"] for _id, name, payload in self.events if name == "delta")

    def leave(self) -> None:
        self.response.close()

    def _read(self) -> Iterator[Event]:
        buffer = b""
        for read in self.response.iter_content(None):
            buffer += read
            while b"\n\n" in buffer:
                block, buffer = buffer.split(b"\n\n", 1)
                if block.startswith(b":"):
                    continue
                self.raw += block + b"\n\n"
                event = _parse(block)
                self.events.append(event)
                yield event


def _parse(block: bytes) -> Event:
    fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
    return int(fields["id"]), fields["event"], json.loads(fields["data"])


def start(url: str, secret: str, body: dict[str, Any] = QUESTION) -> Chat:
    response = requests.post(f"{url}/api/chat/", json=body, headers=_bearer(secret), stream=True, timeout=30)
    response.raise_for_status()
    return Chat(response)


def resume(url: str, secret: str, chat_id: str, *, after: int = 0) -> Chat:
    headers = {**_bearer(secret), "Last-Event-ID": str(after)}
    response = requests.get(f"{url}/api/chat/{chat_id}/stream/", headers=headers, stream=True, timeout=30)
    response.raise_for_status()
    return Chat(response)


def stop(url: str, secret: str, chat_id: str) -> requests.Response:
    return requests.post(f"{url}/api/chat/{chat_id}/stop/", headers=_bearer(secret), timeout=30)


def get(url: str, secret: str, path: str) -> requests.Response:
    return requests.get(url + path, headers=_bearer(secret), timeout=30)


def mint(url: str, secret: str, user_id: str) -> str:
    answer = requests.post(f"{url}/api/tokens/", json={"user_id": user_id}, headers=_bearer(secret), timeout=30)
    answer.raise_for_status()
    return str(answer.json()["token"])


def close_all() -> None:
    """Close the responses that a test has left open."""
    while _opened:
        _opened.pop().leave()


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
