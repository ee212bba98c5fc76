"""Finding a chat of one's own: what it is now, and whether its events can be replayed."""

import asyncio
import time
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from redis.exceptions import RedisError

from config.access.credentials import Credential
from streaming import faults, shelf, sse
from streaming.faults import Fault
from streaming.models import Completion

_END_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.1


async def find_log(completion_id: UUID, credential: Credential) -> None:
    """Make sure that this caller may read the log and that there is one. Raises: Fault 404, 409, 410, 503."""
    try:
        owner: Any = await shelf.current().redis.get(f"chat:{completion_id}:owner")
    except (RedisError, OSError) as err:
        raise Fault("log_unavailable", "Chats can't be resumed just now.", status=503, retry_after_s=1) from err
    if owner is not None:
        if owner.decode() != credential.owner:
            raise faults.not_found()
        return
    completion = await find_row(completion_id, credential)
    if completion.finished_at is None:
        raise Fault("not_resumable", "This chat runs without a log: it can't be resumed.", status=409)
    raise faults.gone()


async def find_row(completion_id: UUID, credential: Credential) -> Completion:
    """The caller's completion, from the database. Raises: Fault 404."""

    def read() -> Completion | None:
        try:
            return Completion.objects.filter(id=completion_id, owner=credential.owner).first()
        finally:
            connection.close()

    completion = await asyncio.get_running_loop().run_in_executor(None, read)
    if completion is None:
        raise faults.not_found()
    return completion


async def find_ended_row(completion_id: UUID, credential: Credential) -> Completion:
    """The same once its end is recorded, or as it is after `_END_WITHIN_S`."""
    give_up_at = time.monotonic() + _END_WITHIN_S
    completion = await find_row(completion_id, credential)
    while completion.finished_at is None and time.monotonic() < give_up_at:
        await asyncio.sleep(_LOOK_EVERY_S)
        completion = await find_row(completion_id, credential)
    return completion


class Log(msgspec.Struct, frozen=True):
    """What the events so far add up to."""

    text: str
    reasoning: str
    last_event_id: int
    is_ended: bool


class _Text(msgspec.Struct):
    text: str = ""


async def read_log(completion_id: UUID) -> Log | None:
    """The log of a completion; None if it is not kept (any more)."""
    try:
        raw = await shelf.current().redis.xrange(f"chat:{completion_id}:events")
    except (RedisError, OSError):
        return None
    if not raw:
        return None
    entries = shelf.entries_of(raw)
    texts: dict[bytes, list[str]] = {b"delta": [], b"reasoning": []}
    for event in sse.Parser().feed(b"".join([entry.events for entry in entries])):
        if event.event in texts:
            texts[event.event].append(msgspec.json.decode(event.data, type=_Text).text)
    return Log("".join(texts[b"delta"]), "".join(texts[b"reasoning"]), entries[-1].last_id, entries[-1].is_last)


def usage_of(completion: Completion) -> dict[str, int | None] | None:
    """The recorded usage in OpenAI's words; None as long as it is not known."""
    if completion.prompt_tokens is None:
        return None
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "cached_tokens": completion.cached_tokens,
        "reasoning_tokens": completion.reasoning_tokens,
    }
