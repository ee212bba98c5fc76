"""Finds a caller's own chat: its current state, and whether its events can be replayed.

Three places know the owner of a chat: the process that runs it, its log, and its row. The row comes last, a moment
after the chat has begun, or when the database is back; until then the other two count.
"""

import asyncio
import time
from typing import Any
from uuid import UUID

import msgspec
from redis.exceptions import RedisError

from foundation.access.credentials import Credential
from foundation.database.threads import in_thread
from streaming.models import Completion
from streaming.resuming import event_log, stops
from streaming.wire import faults, sse
from streaming.wire.faults import Fault

_RECORDED_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.1


async def find_log(completion_id: UUID, credential: Credential, *, after: int) -> bool:
    """Make sure that this caller may read the log and that it holds the events after the id `after`.

    Returns False if that was the last event. Raises: Fault 404, 409, 410, 503.
    """
    try:
        owner = await _owner_in_log(completion_id)
        if owner is not None:
            if owner != credential.owner:
                raise faults.not_found()
            return await _holds_more(completion_id, after=after)
    except (RedisError, OSError) as err:
        raise faults.redis_unavailable() from err
    completion = await find_row(completion_id, credential)
    if completion.finished_at is None:
        raise Fault("not_resumable", "This chat runs without a log, so it cannot be resumed.", status=409)
    raise faults.gone()


async def _holds_more(completion_id: UUID, *, after: int) -> bool:
    """Raises: Fault 410 if the next event has been trimmed from the log's front, or will never be written."""
    following, last = await event_log.around(completion_id, after)
    if following is not None:
        if event_log.first_event_id(following.events) > after + 1:
            raise faults.gone()
        return True
    if last is None or not last.is_last:
        return True  # still to come
    if after > last.last_id:
        raise faults.gone()
    return False


async def _owner_in_log(completion_id: UUID) -> str | None:
    owner: Any = await event_log.current().redis.get(f"chat:{completion_id}:owner")
    return owner.decode() if owner is not None else None


async def is_known_as_owner(completion_id: UUID, credential: Credential) -> bool:
    """Whether the chat is known to be this caller's without reading its row."""
    turn = stops.running.get(completion_id)
    if turn is not None:
        return turn.completion.owner == credential.owner
    try:
        return await _owner_in_log(completion_id) == credential.owner
    except (RedisError, OSError):
        return False


async def find_row(completion_id: UUID, credential: Credential) -> Completion:
    """The caller's completion, from the database; waits for a row that is still to be written. Raises: Fault 404."""
    give_up_at = time.monotonic() + _RECORDED_WITHIN_S
    while (completion := await _read_row(completion_id, credential)) is None:
        if time.monotonic() > give_up_at or not await is_known_as_owner(completion_id, credential):
            raise faults.not_found()
        await asyncio.sleep(_LOOK_EVERY_S)
    return completion


async def _read_row(completion_id: UUID, credential: Credential) -> Completion | None:
    def read() -> Completion | None:
        return Completion.objects.filter(id=completion_id, owner=credential.owner).first()

    return await in_thread(read)


async def find_ended_row(completion_id: UUID, credential: Credential) -> Completion:
    """The caller's completion once its end is recorded, or as it is after `_RECORDED_WITHIN_S`. Raises: Fault 404."""
    give_up_at = time.monotonic() + _RECORDED_WITHIN_S
    completion = await find_row(completion_id, credential)
    while completion.finished_at is None and time.monotonic() < give_up_at:
        await asyncio.sleep(_LOOK_EVERY_S)
        completion = await find_row(completion_id, credential)
    return completion


class Log(msgspec.Struct, frozen=True):
    """The sum of the events so far."""

    text: str
    reasoning: str
    last_event_id: int
    is_ended: bool


class _Text(msgspec.Struct):
    text: str = ""


async def read_log(completion_id: UUID) -> Log | None:
    """The log of a completion; None if there is none, or no longer one."""
    try:
        raw = await event_log.current().redis.xrange(f"chat:{completion_id}:events")
    except (RedisError, OSError):
        return None
    if not raw:
        return None
    entries = event_log.entries_of(raw)
    texts: dict[bytes, list[str]] = {b"delta": [], b"reasoning": []}
    for event in sse.Parser().feed(b"".join([entry.events for entry in entries])):
        if event.event in texts:
            texts[event.event].append(msgspec.json.decode(event.data, type=_Text).text)
    return Log("".join(texts[b"delta"]), "".join(texts[b"reasoning"]), entries[-1].last_id, entries[-1].is_last)


def usage_of(completion: Completion) -> dict[str, int | None] | None:
    """The recorded usage, by OpenAI's field names; None if not known (yet)."""
    if completion.prompt_tokens is None:
        return None
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "cached_tokens": completion.cached_tokens,
        "reasoning_tokens": completion.reasoning_tokens,
    }
