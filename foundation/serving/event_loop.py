"""The web server's event loop: `uvicorn --loop foundation.serving.event_loop:create`."""

import asyncio
import os

import uvloop


def create() -> asyncio.AbstractEventLoop:
    """uvloop, with its sockets registered by plain system calls.

    By default libuv registers them through io_uring. Once in a day of tests (Linux 6.18, uvloop 0.23) a server slept in
    `epoll_wait` for 37 s with requests waiting on its listening socket.
    """
    os.environ.setdefault("UV_USE_IO_URING", "0")
    return uvloop.new_event_loop()
