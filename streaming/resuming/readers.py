"""Replays the log of a completion to a reader and follows it live, on any web process.

`Reader` is the source of one response; `_Tail` reads Redis for all readers of the process over one connection. Slow
readers are left out of the next reads and later continue from where they were, so nothing is buffered for them here.

A killed producer leaves its log without an end. Once its `alive` key is gone, a process with readers adds the `error`
event `interrupted` to the log, under the next id, so that all readers get the same event.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from foundation.serving.driven import Outbox
from streaming.resuming import event_log
from streaming.resuming.event_log import Entry
from streaming.wire import faults, sse
from streaming.wire.profiles.app import AppProfile

logger = logging.getLogger(__name__)

_BLOCK_MS = 100  # how long a new reader may wait for the next shared read
_ENTRIES_A_READ = 500
_LOOK_EVERY_S = 3.0
_FOLLOWED_FOR_S = 8


class Reader:
    """A client that reads a completion's events after the one with id `after`. A `foundation.serving.driven.Source`."""

    def __init__(self, completion_id: UUID, *, after: int) -> None:
        self.completion_id = completion_id
        self.after = after
        self._outbox: Outbox | None = None
        self._wrote_at = self._stalled_at = time.monotonic()

    def drive(self, outbox: Outbox) -> None:
        self._outbox = outbox
        _tail().add(self)

    def take_over(self, outbox: Outbox) -> None:
        """Take over a client that has everything up to `after` and is reading too slowly right now."""
        self._outbox = outbox
        _tail().put_off(self)

    def writable(self, is_writable: bool) -> None:
        self._stalled_at = time.monotonic()
        if is_writable:
            _tail().add(self)
        else:
            _tail().put_off(self)

    def client_left(self) -> None:
        _tail().discard(self)

    def take(self, entries: list[Entry]) -> None:
        """Write the new events of these entries."""
        events = b"".join([event_log.after(entry.events, self.after) for entry in entries])
        if not events or self._outbox is None:
            return
        if event_log.first_event_id(events) != self.after + 1:
            self.close()  # the log was trimmed at its front: the client asks again and gets 410
            return
        self.after = entries[-1].last_id
        self._wrote_at = time.monotonic()
        if entries[-1].is_last:
            _tail().discard(self)
            self._outbox.end(events)
        else:
            self._outbox.write(events)

    def close(self) -> None:
        """End without a terminal event, so that the client resumes."""
        _tail().discard(self)
        if self._outbox is not None:
            self._outbox.end()

    def keep_open(self, now: float) -> None:
        if self._outbox is not None and now - self._wrote_at > settings.CHAT_HEARTBEAT_S:
            self._wrote_at = now
            self._outbox.write(AppProfile.heartbeat)

    def give_up_if_stalled(self, now: float) -> None:
        if self._outbox is not None and now - self._stalled_at > settings.WRITE_TIMEOUT_S:
            _tail().discard(self)
            self._outbox.abort()


class _Tail:
    """Follows the logs of all readers of this process."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._put_off: set[Reader] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, reader: Reader) -> None:
        self._put_off.discard(reader)
        self._readers.add(reader)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    def put_off(self, reader: Reader) -> None:
        self._readers.discard(reader)
        self._put_off.add(reader)

    def discard(self, reader: Reader) -> None:
        self._readers.discard(reader)
        self._put_off.discard(reader)

    def close_all(self) -> None:
        for reader in tuple(self._readers | self._put_off):
            reader.close()

    async def _follow(self) -> None:
        looked_at = 0.0
        try:
            while self._readers or self._put_off:
                await self._read()
                if time.monotonic() - looked_at > _LOOK_EVERY_S:
                    looked_at = time.monotonic()
                    await self._look_after(looked_at)
        except (RedisError, OSError):
            logger.warning("Redis failed: %d readers have to resume", len(self._readers), exc_info=True)
            self.close_all()
        finally:
            self._task = None

    async def _read(self) -> None:
        by_log: dict[str, list[Reader]] = {}
        for reader in self._readers:
            by_log.setdefault(f"chat:{reader.completion_id}:events", []).append(reader)
        if not by_log:
            await asyncio.sleep(_BLOCK_MS / 1000)
            return
        # Read from the last event of each log's slowest reader; the others skip the events that they have.
        starts: dict[Any, Any] = {log: f"{min(each.after for each in readers)}-0" for log, readers in by_log.items()}
        answer: Any = await event_log.current().redis.xread(starts, count=_ENTRIES_A_READ, block=_BLOCK_MS)
        for log, raw in answer:
            entries = event_log.entries_of(raw)
            for reader in by_log[log.decode()]:
                if reader in self._readers:
                    reader.take(entries)

    async def _look_after(self, now: float) -> None:
        for reader in tuple(self._put_off):
            reader.give_up_if_stalled(now)
        for reader in tuple(self._readers):
            reader.keep_open(now)
        await self._say_followed()

    async def _say_followed(self) -> None:
        """Tell the producers that someone is reading, and end the logs of producers that are gone."""
        completion_ids = list({reader.completion_id for reader in self._readers | self._put_off})
        async with event_log.current().redis.pipeline(transaction=False) as pipe:
            for completion_id in completion_ids:
                pipe.set(f"chat:{completion_id}:followed", 1, ex=_FOLLOWED_FOR_S)
                pipe.exists(f"chat:{completion_id}:alive")
            results = await pipe.execute()
        for completion_id, is_alive in zip(completion_ids, results[1::2], strict=True):
            if not is_alive:
                self._close_past(completion_id, await end_orphan(completion_id))

    def _close_past(self, completion_id: UUID, last_id: int) -> None:
        """Close the readers that wait for events which will never come. They ask again and get 410 (lookup.py)."""
        for reader in tuple(self._readers):
            if reader.completion_id == completion_id and reader.after >= last_id:
                reader.close()


async def end_orphan(completion_id: UUID) -> int:
    """Add a terminal event to the log of a dead producer, unless it has one. Returns the id of the last event."""
    log = f"chat:{completion_id}:events"
    last = await event_log.current().redis.xrevrange(log, count=1)
    if not last:
        return 0
    entry = event_log.entries_of(last)[0]
    if entry.is_last:
        return entry.last_id
    next_id = entry.last_id + 1
    event = sse.encode_event(next_id, b"error", msgspec.json.encode(faults.interrupted().as_app()))
    # Raised if another process has added this event first: its id is taken.
    with contextlib.suppress(ResponseError):
        await event_log.current().redis.xadd(log, {"events": event, "end": 1}, id=f"{next_id}-0")
    return next_id


_the_tail: _Tail | None = None


def _tail() -> _Tail:
    global _the_tail
    if _the_tail is None:
        _the_tail = _Tail()
    return _the_tail


def drain() -> None:
    """The process is ending: close the readers, which then go to another process."""
    if _the_tail is not None:
        _the_tail.close_all()
