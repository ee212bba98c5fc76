"""Group commit: items that arrive while a write is under way share the next one.

The commit is the most expensive part of a request, and committing a hundred together costs hardly more than one. A
single thread writes, so that threads do not compete with each other and the event loop for the interpreter.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError, connection

# How long an idle connection is kept. Taking one from the pool, which checks it, costs each write another round trip.
KEPT_S = 0.2

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class TooManyWaiting(Exception):  # noqa: N818  # a state of the process, not the caller's mistake
    """Too much is waiting to be written: refused, so that memory stays bounded while the database is down."""


class GroupCommit(Generic[Item, Answer]):
    """Calls `write` with the items that have gathered, one call at a time.

    `write` returns the answers to the items, in order, or raises for all of them. It gets items of up to `max_weight`
    together, and a heavier one by itself; `weigh` returns the weight of an item.
    """

    def __init__(
        self,
        write: Callable[[list[Item]], list[Answer]],
        *,
        name: str,
        max_waiting: int,
        weigh: Callable[[Item], int] = lambda item: 1,
        max_weight: int = 1000,
    ) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._weigh = weigh
        self._max_weight = max_weight
        self.max_waiting = max_waiting
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line[Item, Answer]] = WeakKeyDictionary()

    async def add(self, item: Item) -> Answer:
        """Return the answer once the item is written. Raises: TooManyWaiting, and whatever `write` raises.

        If the caller is cancelled, its item is still written.
        """
        loop = asyncio.get_running_loop()
        line = self._lines.setdefault(loop, _Line())  # one per loop: a future belongs to its loop
        if len(line.waiting) >= self.max_waiting:
            raise TooManyWaiting(f"{self.max_waiting} are waiting")
        answer: asyncio.Future[Answer] = loop.create_future()
        line.waiting.append(_Waiting(item, self._weigh(item), answer))
        if line.writing is None:
            if line.release is not None:
                line.release.cancel()
            line.writing = loop.create_task(self._write_on(line))
        return await answer

    async def _write_on(self, line: "_Line[Item, Answer]") -> None:
        """Write until nothing is left; the connection is kept for a moment, not for the life of the process."""
        while line.waiting:
            taken = self._take(line)
            items = [each.item for each in taken]
            writing = asyncio.get_running_loop().run_in_executor(
                self._thread, _with_fresh_connection, self._write, items
            )
            await asyncio.wait([writing])
            error = writing.exception()
            for position, each in enumerate(taken):
                if each.answer.cancelled():
                    continue
                if error is not None:
                    each.answer.set_exception(error)
                else:
                    each.answer.set_result(writing.result()[position])
        line.writing = None
        line.release = asyncio.get_running_loop().call_later(KEPT_S, self._thread.submit, _release_connection)

    def _take(self, line: "_Line[Item, Answer]") -> "list[_Waiting[Item, Answer]]":
        taken = [line.waiting.popleft()]
        weight = taken[0].weight
        while line.waiting and (weight := weight + line.waiting[0].weight) <= self._max_weight:
            taken.append(line.waiting.popleft())
        return taken


def _with_fresh_connection(write: Callable[[list[Item]], list[Answer]], items: list[Item]) -> list[Answer]:
    """Call `write`; if it fails, discard the connection, which would otherwise be tried again and again."""
    try:
        return write(items)
    except (OperationalError, InterfaceError):
        connection.close()
        raise


def _release_connection() -> None:
    """Release the connection of the current thread."""
    connection.close()


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    weight: int
    answer: "asyncio.Future[Answer]"


class _Line(Generic[Item, Answer]):
    """The items waiting in one event loop."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting[Item, Answer]] = deque()
        self.writing: asyncio.Task[None] | None = None
        self.release: asyncio.TimerHandle | None = None
