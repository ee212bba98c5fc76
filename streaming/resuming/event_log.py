"""The events of running completions in Redis, so that any web process can replay and follow them.

Keys of one completion, all with a time to live:
- `chat:ID:events`: a Redis Stream. An entry holds some whole events as sent to the first client; its id is the id of
  the last of them, so `XREAD` after an event's id returns the missed events. The last entry has the field `end`.
- `chat:ID:owner`: who may read it.
- `chat:ID:alive`: refreshed by the producing process; expires soon after that process is gone.
- `chat:ID:followed`: refreshed by processes with readers; once it is gone, the producer's grace time begins.

The producer never waits for Redis: `append` buffers the events, and one task for the whole process writes whatever has
gathered. If Redis fails, running completions lose the rest of their log; their first clients still get everything.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from foundation.serving import shared_redis
from foundation.serving.shared_redis import Circuit
from streaming.catalogue import catalogue

logger = logging.getLogger(__name__)

_GATHER_S = 0.025
ALIVE_FOR_S = 10
_ALIVE_EVERY_S = 3.0
_DETACHED_KEY = "chat:detached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Some whole events; `last_id` is the id of the last of them."""

    last_id: int
    events: bytes
    is_last: bool


class EventLog:
    """The writing side of one process."""

    def __init__(self) -> None:
        self.redis: redis.Redis = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=settings.REDIS_TIMEOUT_S,
            socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        )
        self._pending: dict[UUID, bytearray] = {}
        self._ended: set[UUID] = set()
        self._open: set[UUID] = set()
        self._begun: set[UUID] = set()  # completions that have an entry, and so a time to live
        self._followed: set[UUID] = set()
        self._circuit = Circuit("chat log")
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._detached: set[UUID] = set()
        self._detached_everywhere = 0

    async def open(self, completion_id: UUID, owner: str) -> bool:
        """Begin a log. Returns False if Redis does not answer; then the completion can't be resumed."""
        if self._circuit.is_open:
            return False
        key = f"chat:{completion_id}"
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.set(f"{key}:owner", owner, ex=_while_running_s())
                pipe.set(f"{key}:alive", 1, ex=ALIVE_FOR_S)
                await pipe.execute()
        except (RedisError, OSError):
            self._circuit.note_failure()
            return False
        self._open.add(completion_id)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_on())
        return True

    def append(self, completion_id: UUID, events: bytes, *, is_last: bool = False) -> None:
        """Add whole events of the app profile. Returns at once."""
        if completion_id not in self._open:
            return
        self._pending.setdefault(completion_id, bytearray()).extend(events)
        if is_last:
            self._ended.add(completion_id)
            self._open.discard(completion_id)
            self._followed.discard(completion_id)
            self._detached.discard(completion_id)
        self._wake.set()

    def discard(self, completion_id: UUID) -> None:
        """Forget a completion that ended without a log."""
        for ids in (self._open, self._followed, self._detached):
            ids.discard(completion_id)

    def is_followed(self, completion_id: UUID) -> bool:
        """Whether a reader was seen within the last seconds, on any process."""
        return completion_id in self._followed

    def detach(self, completion_id: UUID) -> bool:
        """Count a completion that continues without its client; False if there are too many, across all processes."""
        if completion_id not in self._open or self._detached_everywhere >= settings.CHAT_MAX_DETACHED:
            return False
        self._detached.add(completion_id)
        self._detached_everywhere += 1
        return True

    async def close(self) -> None:
        """Write the remaining events."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self._flush()
        await self.redis.aclose()

    async def _write_on(self) -> None:
        said_alive_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(_ALIVE_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            else:
                self._wake.clear()
                await self._flush()
            if time.monotonic() - said_alive_at > _ALIVE_EVERY_S:
                said_alive_at = time.monotonic()
                await self._say_alive()
            await asyncio.sleep(_GATHER_S)

    async def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        ended, self._ended = self._ended, set()
        if not pending:
            return
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                for completion_id, events in pending.items():
                    is_first = completion_id not in self._begun
                    _add(pipe, completion_id, bytes(events), is_first=is_first, is_last=completion_id in ended)
                await pipe.execute()
        except (RedisError, OSError):
            # Appending the next events would leave a gap that no reader could see.
            self._open -= pending.keys()
            self._circuit.note_failure()
        self._begun = (self._begun | pending.keys()) & self._open

    async def _say_alive(self) -> None:
        """Tell readers that this process still produces, and find out which of its completions are being read."""
        completion_ids = list(self._open)
        if not completion_ids:
            return
        expires_at = time.time() + ALIVE_FOR_S
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                for completion_id in completion_ids:
                    pipe.set(f"chat:{completion_id}:alive", 1, ex=ALIVE_FOR_S)
                    pipe.exists(f"chat:{completion_id}:followed")
                for completion_id in self._detached:
                    pipe.zadd(_DETACHED_KEY, {str(completion_id): expires_at})
                pipe.zremrangebyscore(_DETACHED_KEY, 0, time.time())
                pipe.zcard(_DETACHED_KEY)
                results = await pipe.execute()
        except (RedisError, OSError):
            self._circuit.note_failure()
            return
        followed = results[1 : 2 * len(completion_ids) : 2]
        self._followed = {each for each, is_followed in zip(completion_ids, followed, strict=True) if is_followed}
        self._detached_everywhere = results[-1]


def _add(pipe: "redis.client.Pipeline", completion_id: UUID, events: bytes, *, is_first: bool, is_last: bool) -> None:
    """The times to live are set once, for longer than a turn can last, and again at the end. Setting them with each
    entry made up two of every three commands.
    """
    key = f"chat:{completion_id}"
    end: dict[Any, Any] = {"end": 1} if is_last else {}
    entry_id = f"{last_event_id(events)}-0"
    pipe.xadd(f"{key}:events", {"events": events, **end}, id=entry_id, maxlen=settings.CHAT_LOG_MAX_ENTRIES)
    if is_last:
        for name in ("events", "owner"):
            pipe.expire(f"{key}:{name}", settings.CHAT_LOG_TTL_S)
    elif is_first:
        pipe.expire(f"{key}:events", _while_running_s())


def _while_running_s() -> int:
    return int(catalogue.longest_turn_s()) + settings.CHAT_LOG_TTL_S


def last_event_id(events: bytes) -> int:
    """The id of the last event in some whole events of the app profile, each of which begins with `id: N`."""
    start = events.rfind(b"\n\nid: ", 0, -2)
    return first_event_id(events[start + 2 if start >= 0 else 0 :])


def first_event_id(events: bytes) -> int:
    return int(events[4 : events.index(b"\n")])


def after(events: bytes, event_id: int) -> bytes:
    """The events with a greater id."""
    while events and first_event_id(events) <= event_id:
        events = events[events.index(b"\n\n") + 2 :]
    return events


def entries_of(raw: Any) -> list[Entry]:
    """The entries of an `XRANGE` or `XREAD` answer: `[(b"17-0", {b"events": …}), …]`."""
    return [
        Entry(last_id=int(entry_id.partition(b"-")[0]), events=fields[b"events"], is_last=b"end" in fields)
        for entry_id, fields in raw
    ]


async def around(completion_id: UUID, event_id: int) -> tuple[Entry | None, Entry | None]:
    """The entry with the first event after this one, and the last entry of the log. Raises: RedisError."""
    log = f"chat:{completion_id}:events"
    async with current().redis.pipeline(transaction=False) as pipe:
        pipe.xrange(log, min=f"{event_id + 1}-0", count=1)
        pipe.xrevrange(log, count=1)
        following, last = (entries_of(raw) for raw in await pipe.execute())
    return (following[0] if following else None), (last[0] if last else None)


def give_to(owners: Mapping[UUID, str]) -> None:
    """Give logs to other owners; one that can't be given away is no longer readable. For use off the event loop."""
    if not owners:
        return
    try:
        with shared_redis.client().pipeline(transaction=False) as pipe:
            for completion_id, owner in owners.items():
                pipe.set(f"chat:{completion_id}:owner", owner, xx=True, keepttl=True)
            pipe.execute()
    except (RedisError, OSError):
        logger.warning("Logs of chats stay with their earlier owner: Redis is not available")


def forget(completion_ids: Collection[UUID], *, running: Collection[UUID]) -> None:
    """Delete logs; of those that are still written, only the owner, since the next entry would begin one that never
    expires. For use off the event loop. Raises: RedisError.
    """
    names = [
        f"chat:{completion_id}:{name}"
        for completion_id in completion_ids
        for name in (("owner",) if completion_id in running else ("owner", "events"))
    ]
    if names:
        shared_redis.client().delete(*names)


_event_log: EventLog | None = None


def current() -> EventLog:
    """This process's event log."""
    global _event_log
    if _event_log is None:
        _event_log = EventLog()
    return _event_log


async def shut_down() -> None:
    global _event_log
    if _event_log is not None:
        await _event_log.close()
        _event_log = None
