"""Database work off the event loop.

On `DRIVEN_PATHS` no request signal gives a thread's connection back, and a thread that has run once may not run again
for hours: whatever uses the database there gives its connection back itself.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread and give its connection back to the pool."""
    return await asyncio.get_running_loop().run_in_executor(None, _run, work)


def _run(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()
