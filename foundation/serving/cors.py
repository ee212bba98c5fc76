"""Web pages from other origins: which may call, and the headers for their browsers.

Reference: https://fetch.spec.whatwg.org/#http-cors-protocol

Not a Django middleware: pages mostly call driven paths, which have no middleware. Credentials are never allowed: keys
travel in a header, so no page can act with someone's cookies.
"""

import re
from collections.abc import Collection, Iterable

from foundation.serving.driven import Message, Scope, Send

Headers = list[tuple[bytes, bytes]]

ANY = "*"
METHODS = b"GET, POST, DELETE"
EXPOSED = b", ".join(
    [
        b"x-request-id",
        b"retry-after",
        b"x-should-retry",
        *(
            b"x-ratelimit-%b-%b" % (figure, what)
            for what in (b"requests", b"tokens")
            for figure in (b"limit", b"remaining", b"reset")
        ),
    ]
)
# How long a browser may cache the answer to a preflight; Chrome caps it at two hours.
REMEMBERED_S = b"7200"

_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,2000}")
_REFUSED = b'{"detail":"Pages of this origin may not call: add it to CORS_ALLOWED_ORIGINS."}'


class Cors:
    def __init__(self, origins: Collection[str], paths: re.Pattern[str]) -> None:
        """`origins`: as browsers write them (`https://app.example.com`), or `ANY`. `paths`: the paths open to them."""
        self._origins = {origin.encode() for origin in origins}
        self._is_open_to_all = ANY in origins
        self._paths = paths

    def answers_preflight(self, scope: Scope) -> bool:
        """Whether this is a browser's question, sent before a request and without its key."""
        return (
            scope["method"] == "OPTIONS"
            and _value(scope["headers"], b"access-control-request-method") is not None
            and self._paths.fullmatch(scope["path"]) is not None
        )

    def headers(self, scope: Scope) -> Headers:
        """Additional headers of the answer; none for callers that are not pages, and for pages that may not call."""
        origin = _value(scope["headers"], b"origin")
        if origin is None or self._paths.fullmatch(scope["path"]) is None:
            return []
        if self._is_open_to_all:
            allowed: Headers = [(b"access-control-allow-origin", b"*")]
        elif origin in self._origins:
            allowed = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        else:
            return []
        return [*allowed, (b"access-control-expose-headers", EXPOSED)]

    async def answer_preflight(self, scope: Scope, send: Send) -> None:
        headers = self.headers(scope)
        if not headers:
            await _answer(send, 403, [(b"content-type", b"application/json")], _REFUSED)
            return
        asked = _value(scope["headers"], b"access-control-request-headers") or b""
        allowed = [
            (b"access-control-allow-methods", METHODS),
            # Any header it asks for: SDKs add their own (`x-stainless-…`), and `*` would not cover `Authorization`.
            (
                b"access-control-allow-headers",
                asked if _HEADER_NAMES.fullmatch(asked) else b"authorization, content-type",
            ),
            (b"access-control-max-age", REMEMBERED_S),
        ]
        await _answer(send, 204, [*headers, *allowed], b"")


def adding(send: Send, headers: Headers) -> Send:
    """`send`, adding these headers to its answers."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return send_with_headers


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    if status != 204:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _value(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    return next((value for given, value in headers if given == name), None)
