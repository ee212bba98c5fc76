"""The web process's life: what apps do when it starts, is told to stop, and ends.

Django 5.2 has no lifespan, and no server runs a stream's `finally` on SIGTERM, so apps register here in
`AppConfig.ready`. Everything runs in the event loop of the server.
"""

import asyncio
import gc
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings

from foundation.serving.driven import Receive, Send

logger = logging.getLogger(__name__)

# After the last event of the open streams: for clients to read it, and for requests that are no streams.
_LAST_WORDS_S = 5

_on_drain: list[Callable[[], None]] = []
_on_shutdown: list[Callable[[], Awaitable[None]]] = []


def register(
    *, on_drain: Callable[[], None] | None = None, on_shutdown: Callable[[], Awaitable[None]] | None = None
) -> None:
    """`on_drain` is called at SIGTERM, while requests still run; `on_shutdown` is awaited when none is left."""
    if on_drain is not None:
        _on_drain.append(on_drain)
    if on_shutdown is not None:
        _on_shutdown.append(on_shutdown)


async def serve(receive: Receive, send: Send) -> None:
    """ASGI's lifespan protocol. https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
    await receive()
    _tune_garbage_collector()
    _drain_at_signal(asyncio.get_running_loop())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for shut_down in _on_shutdown:
        try:
            await shut_down()
        except Exception:
            logger.exception("Shutting down")
    await send({"type": "lifespan.shutdown.complete"})


def _tune_garbage_collector() -> None:
    """Full collections over all of Django's objects stopped the loop for hundreds of ms with 500 streams open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _drain_at_signal(loop: asyncio.AbstractEventLoop) -> None:
    """Hear SIGTERM and SIGINT before the server's own handler, which waits for requests that never end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        servers_handler = signal.getsignal(number)
        _bound_the_end(getattr(servers_handler, "__self__", None))

        def handle(signum: int, frame: FrameType | None, then: Any = servers_handler) -> None:
            loop.call_soon_threadsafe(_drain)
            if callable(then):
                then(signum, frame)

        signal.signal(number, handle)


def _bound_the_end(server: object) -> None:
    """uvicorn waits for the last connection, for ever unless told otherwise: for one client that reads nothing."""
    if isinstance(server, uvicorn.Server) and server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = math.ceil(settings.DRAIN_S) + _LAST_WORDS_S


def _drain() -> None:
    for drain in _on_drain:
        drain()
