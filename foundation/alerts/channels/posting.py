"""One POST to an address that a person typed in: bounded in time and size, direct, and never redirected.

By the standard library's client, which reads no proxies and no .netrc from the environment, follows nothing and logs
nothing: the addresses hold tokens. A timer ends dripping answers: it shuts the socket down `TOTAL_S` after connecting.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from foundation.alerts.channels.channel_kind import NotSentError

CONNECT_S = 5.0
TOTAL_S = 10.0
MAX_ANSWER_BYTES = 16 * 1024
SCHEMES = ("http", "https")
TOO_MANY_REQUESTS = 429


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def short(self) -> str:
        return f"HTTP {self.status} {self.text[:500]}".strip()


def post_json(url: str, payload: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
    """Raises: NotSentError, also for every status but 2xx."""
    return post(url, encode(payload), headers=headers)


def encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def post(url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Raises: NotSentError, also for every status but 2xx."""
    sent = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "rivermouth", **(headers or {})}
    try:
        answer, retry_after = _exchange(url, body, sent)
    except (OSError, http.client.HTTPException, ValueError) as err:
        # Only the exception's type: the library's texts quote the address, which holds a token.
        raise NotSentError(type(err).__name__) from err
    if not 200 <= answer.status < 300:
        raise NotSentError(answer.short, retry_after_s=retry_after)
    return answer


def refused(answer: Answer, *, is_throttled: bool = False) -> NotSentError:
    """The error for a refusal inside a 200. A flooded robot accepts no messages for minutes; see each vendor."""
    return NotSentError(answer.short, retry_after_s=600 if is_throttled else None)


def code_of(answer: Answer, name: str) -> Any:
    """A member of the answer's JSON object; None if it has no such member."""
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        return None
    return found.get(name) if isinstance(found, dict) else None


def _exchange(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, float | None]:
    parts = urlsplit(url)
    connection = _connection(parts)
    connection.connect()
    # Kept here, because the connection forgets its socket once an answer begins that lasts until the connection's end.
    sock = connection.sock
    timer = threading.Timer(TOTAL_S, _cut, [sock])
    timer.daemon = True
    timer.start()
    try:
        sock.settimeout(TOTAL_S)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers=dict(headers))
        with connection.getresponse() as response:
            text = response.read(MAX_ANSWER_BYTES).decode(errors="replace").replace("\x00", "")
            return Answer(response.status, text), _seconds(response.headers.get("Retry-After", ""))
    finally:
        timer.cancel()
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("not an http(s) address")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=CONNECT_S, context=_tls())
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=CONNECT_S)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has been closed meanwhile
        sock.shutdown(socket.SHUT_RDWR)


def _seconds(value: str) -> float | None:
    return float(value) if value.strip().isdecimal() else None
