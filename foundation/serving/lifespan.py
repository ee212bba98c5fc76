"""The web process's life: what apps do when it starts, is told to stop, and ends.

Django 5.2 has no lifespan support, and no server runs a stream's `finally` on SIGTERM, so apps register here in
`AppConfig.ready`. Everything runs in the event loop of the server.

The steps from SIGTERM or SIGINT to the end, so that a proxy in front loses no request:

1. **Hand over**, for at most `HANDOVER_S`: requests are served as before, and every answer says `Connection: close`.
   Nothing else makes a proxy give up a connection, and closing one while a POST is on its way is a 502.
   Ends early as soon as no connection is idle.
2. Stop listening, without refusing clients that have already connected. Later ones go elsewhere.
3. **Drain**: apps are told, and open streams get `DRAIN_S` to end by themselves. The server waits until all have.
4. Shut down, in the reverse order of registration: apps that registered first are used by the later ones.
"""

import asyncio
import ctypes
import gc
import logging
import math
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings

from foundation.serving.driven import Receive, Send
from foundation.serving.http_protocol import HttpProtocol

logger = logging.getLogger(__name__)

# Time after the last event of the open streams: for clients to read it, and for requests that are not streams.
_LAST_WORDS_S = 5
_LOOK_EVERY_S = 0.05
# Time for a handshake that has begun, and its request, to arrive; within a data centre it takes a millisecond.
_ARRIVAL_S = 0.25
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python's socket module has no name for it
# Berkeley packet filter for a listening socket: drop packets that ask for a new connection (SYN), pass all others.
_NO_NEW_CONNECTIONS = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the byte with the TCP flags
        (0x54, 0, 0, 0x02),  # keep only SYN
        (0x15, 0, 1, 0),  # if SYN is not set,
        (0x06, 0, 0, 0xFFFFFFFF),  # pass the packet,
        (0x06, 0, 0, 0),  # otherwise drop it
    )
)

_on_start: list[Callable[[], None]] = []
_on_drain: list[Callable[[], None]] = []
_on_shutdown: list[Callable[[], Awaitable[None]]] = []
_leaving: set[asyncio.Task[None]] = set()  # the loop itself holds only weak references to tasks


def register(
    *,
    on_start: Callable[[], None] | None = None,
    on_drain: Callable[[], None] | None = None,
    on_shutdown: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Register an app's part.

    `on_start` is called when the process begins to serve, `on_drain` when the drain begins, with requests still
    running; `on_shutdown` is awaited when no request is left.
    """
    if on_start is not None:
        _on_start.append(on_start)
    if on_drain is not None:
        _on_drain.append(on_drain)
    if on_shutdown is not None:
        _on_shutdown.append(on_shutdown)


async def serve(receive: Receive, send: Send) -> None:
    """ASGI's lifespan protocol. https://asgi.readthedocs.io/en/latest/specs/lifespan.html"""
    await receive()
    _tune_garbage_collector()
    _leave_at_signal(asyncio.get_running_loop())
    for start in _on_start:
        start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for shut_down in reversed(_on_shutdown):
        try:
            await shut_down()
        except Exception:
            logger.exception("Shutting down")
    await send({"type": "lifespan.shutdown.complete"})


def _tune_garbage_collector() -> None:
    """Full collections over all of Django's objects blocked the loop for hundreds of ms with 500 streams open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _leave_at_signal(loop: asyncio.AbstractEventLoop) -> None:
    """Handle SIGTERM and SIGINT before the server's own handler, which stops listening at once and waits for ever."""
    for number in (signal.SIGTERM, signal.SIGINT):
        servers_handler = signal.getsignal(number)
        server = getattr(servers_handler, "__self__", None)
        if isinstance(server, uvicorn.Server) and callable(servers_handler):
            _bound_the_end(server)
            signal.signal(number, _leaver(loop, server, servers_handler))


def _bound_the_end(server: uvicorn.Server) -> None:
    """Without a limit, uvicorn waits for the last connection for ever: one client that reads nothing is enough."""
    if server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = math.ceil(settings.DRAIN_S) + _LAST_WORDS_S


def _leaver(
    loop: asyncio.AbstractEventLoop, server: uvicorn.Server, then: Callable[[int, FrameType | None], Any]
) -> Callable[[int, FrameType | None], None]:
    """A signal handler: the first signal makes the process leave, a second one cuts the current step short."""

    def start(signum: int) -> None:
        if _leaving:
            then(signum, None)
        else:
            _leaving.add(loop.create_task(_leave(loop, server, lambda: then(signum, None))))

    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(start, signum)

    return handle


async def _leave(loop: asyncio.AbstractEventLoop, server: uvicorn.Server, end: Callable[[], Any]) -> None:
    """Steps 1 to 3; `end` makes the server wait for open requests."""
    try:
        await _hand_over(loop, server)
        await _stop_listening(server)
    finally:
        for drain in _on_drain:
            drain()
        end()


async def _hand_over(loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
    HttpProtocol.is_leaving = True
    connections = server.server_state.connections
    for connection in connections:
        if isinstance(connection, HttpProtocol):
            connection.close_after_answer()
    give_up_at = loop.time() + settings.HANDOVER_S
    while loop.time() < give_up_at and any(map(_is_idle, connections)):  # noqa: ASYNC110  # connections send no event to wait for
        await asyncio.sleep(_LOOK_EVERY_S)


def _is_idle(connection: object) -> bool:
    return isinstance(connection, HttpProtocol) and connection.is_idle()


async def _stop_listening(server: uvicorn.Server) -> None:
    """Stop listening without resetting anyone.

    Closing a listening socket resets the connections that wait to be accepted, with their requests. So first no new
    ones are let in (their SYN is dropped, and the client repeats it after a second), then the waiting ones are
    accepted, then the socket is closed.
    """
    if not settings.HANDOVER_S:
        return
    listeners = [listener for listening in server.servers for listener in listening.sockets]
    refusing = [_refuse_new_connections(listener.fileno()) for listener in listeners]
    if all(refusing):
        await asyncio.sleep(_ARRIVAL_S)
    for listening in server.servers:
        listening.close()


def _refuse_new_connections(listener: int) -> bool:
    """Returns whether the system supports it: Linux does."""
    program = ctypes.create_string_buffer(_NO_NEW_CONNECTIONS, len(_NO_NEW_CONNECTIONS))
    instructions = len(_NO_NEW_CONNECTIONS) // 8
    try:
        with socket.socket(fileno=os.dup(listener)) as copy:
            filter_ = struct.pack("HL", instructions, ctypes.addressof(program))
            copy.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
    except OSError:
        return False
    return True
