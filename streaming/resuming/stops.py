"""Stopping a chat, whichever process runs it: stops are published to all processes."""

import asyncio
from typing import Protocol
from uuid import UUID

from redis.exceptions import RedisError

from foundation.serving import shared_redis
from streaming.models import Completion
from streaming.resuming import event_log
from streaming.wire import faults

_STOPS = "chat:stops"  # a channel; messages are completion ids
_HEAR_FOR_S = 30.0
_RECONNECT_AFTER_S = 1.0


class Stoppable(Protocol):
    @property
    def completion(self) -> Completion: ...

    def stop(self) -> None: ...


running: dict[UUID, Stoppable] = {}  # the turns that this process runs

_hearing: asyncio.Task[None] | None = None


async def stop(completion_id: UUID) -> None:
    """Stop the completion, whichever process runs it. Raises: Fault 503 if that is another one and can't be told."""
    if completion_id in running:
        running[completion_id].stop()
        return
    try:
        await event_log.current().redis.publish(_STOPS, str(completion_id))
    except (RedisError, OSError) as err:
        raise faults.redis_unavailable() from err


def tell(completion_id: UUID) -> None:
    """Like `stop`, from outside an event loop. Raises: RedisError."""
    shared_redis.client().publish(_STOPS, str(completion_id))


def hear() -> None:
    """Listen for stops from other processes; called with the first turn."""
    global _hearing  # one per process
    if _hearing is None:
        _hearing = asyncio.get_running_loop().create_task(_hear())


async def _hear() -> None:
    while True:
        try:
            async with event_log.current().redis.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(_STOPS)
                while True:
                    _obey(await channel.get_message(timeout=_HEAR_FOR_S))
        except (RedisError, OSError):
            await asyncio.sleep(_RECONNECT_AFTER_S)


def _obey(message: dict[str, bytes] | None) -> None:
    if message is None:
        return
    turn = running.get(UUID(message["data"].decode()))
    if turn is not None:
        turn.stop()


async def shut_down() -> None:
    global _hearing  # one per process
    if _hearing is not None:
        _hearing.cancel()
        await asyncio.wait([_hearing])
        _hearing = None
