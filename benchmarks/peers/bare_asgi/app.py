"""An ASGI program that relays with aiohttp and does nothing else: no framework, no check, no look at what passes."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp  # type: ignore[import-not-found]  # installed in an environment of its own

UPSTREAM = os.environ.get("UPSTREAM", "")
_sessions: list[aiohttp.ClientSession] = []


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {"Content-Type": "application/json", "Authorization": dict(scope["headers"])[b"authorization"].decode()}
    async with _session().post(UPSTREAM + scope["path"], data=body, headers=headers) as response:
        start = {"type": "http.response.start", "status": response.status}
        await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
        async for piece in response.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _session() -> aiohttp.ClientSession:
    if not _sessions:
        _sessions.append(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        )
    return _sessions[0]
