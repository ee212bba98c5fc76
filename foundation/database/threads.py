"""Database work off the event loop.

On `DRIVEN_PATHS` no request signal returns a thread's connection, and a thread that has run once may not run again
for hours. So code that uses the database there returns its connection itself.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread and return its connection to the pool."""
    return await asyncio.get_running_loop().run_in_executor(None, _run, work)


def _run(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()
