"""A turn of the app profile: it belongs to nobody's connection.

What the client gets is logged as well (event_log.py), so a client that lost its connection resumes on any process
(readers.py). When nobody reads, the turn goes on for `CHAT_GRACE_S`; then the provider is cancelled. A stop ends it
at once, on whichever process it runs: stops are published to all of them.

Without Redis it is an ordinary turn, and `start` says `resumable: false`: a client that leaves cancels it.
"""

import asyncio
import time
from uuid import UUID

from django.conf import settings
from redis.exceptions import RedisError

from foundation.serving.driven import Outbox
from streaming.resuming import event_log
from streaming.resuming.readers import Reader
from streaming.turns.relay import Relay
from streaming.turns.turn import Plan, State
from streaming.wire import faults
from streaming.wire.faults import Fault
from streaming.wire.profiles import AppProfile

STOP_REQUESTED = "stop_requested"
_STOPS = "chat:stops"  # a channel; messages are completion ids
_HEAR_FOR_S = 30.0
_RECONNECT_AFTER_S = 1.0

# What this process produces.
running: dict[UUID, "ResumableRelay"] = {}


class ResumableRelay(Relay):
    """A turn whose events are logged for readers that come back."""

    def __init__(self, plan: Plan, *, keeps_text: bool) -> None:
        self._app_profile = AppProfile(keeps_text=keeps_text)
        super().__init__(plan, profile=self._app_profile)
        self._is_logged = False
        self._is_stopped = False  # while it was still waiting for the first content
        self._unread_since: float | None = None
        self._follower: Reader | None = None

    async def open(self) -> None:
        completion_id = self.completion.id
        try:
            is_logged = await event_log.current().open(completion_id, self.completion.owner)
            _raise_swallowed_cancellation()
        except BaseException:  # the client has left: the turn ends before it has begun
            self._plan.on_end(self.completion)
            raise
        self._is_logged = self._app_profile.is_resumable = is_logged
        running[completion_id] = self
        _hear_stops()
        try:
            await super().open()
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            # Stopped before the first content: there is something to send, `start` and `done`.
        finally:
            if self._is_recorded:
                self._forget()

    def stop(self) -> None:
        """The user wants no more."""
        if self._is_recorded:
            return
        self._finish_reason = STOP_REQUESTED
        self._finish(State.STOPPED)
        if self._opening is not None:
            self._is_stopped = True
            self._opening.cancel()

    def _record(self, state: State, fault: Fault | None = None) -> bool:
        self.completion.text = "".join(self._app_profile.text)
        self.completion.reasoning = "".join(self._app_profile.reasoning)
        return super()._record(state, fault)

    # --- The log's side -----------------------------------------------------------------------------------------------

    def drive(self, outbox: Outbox) -> None:
        self._log(self._held or b"")
        super().drive(outbox)

    def _write(self, out: bytes) -> None:
        if self._held is None:
            self._log(out)
        super()._write(out)

    def _end(self, out: bytes) -> None:
        is_first = not self._is_ended
        super()._end(out)
        if is_first and self._held is None:
            self._log(out)
        self._forget()

    def _log(self, events: bytes) -> None:
        if self._is_logged:
            event_log.current().append(self.completion.id, events, is_last=self._is_ended)

    def _forget(self) -> None:
        running.pop(self.completion.id, None)
        if not self._is_ended:
            event_log.current().discard(self.completion.id)

    # --- The client's side --------------------------------------------------------------------------------------------

    def client_left(self) -> None:
        if self._follower is not None:
            self._follower.client_left()
        elif not self._is_recorded:
            if self._is_logged and event_log.current().detach(self.completion.id):
                self._run_without_client()
            else:
                super().client_left()
                self._forget()
        elif self._held is not None:
            self._log_held()  # it had ended before the client could be sent a byte

    def writable(self, is_writable: bool) -> None:
        """A client that reads slowly holds nobody up: it goes on from the log, the turn without it."""
        if self._follower is not None:
            self._follower.writable(is_writable)
        elif self._is_logged and not self._is_ended and self._outbox is not None:
            self._follower = Reader(self.completion.id, after=self._app_profile.last_id)
            self._follower.take_over(self._outbox)
            self._run_without_client()
        else:
            super().writable(is_writable)

    def look_after(self, now: float) -> None:
        super().look_after(now)
        if self._unread_since is None or self._is_recorded:
            return
        if event_log.current().is_followed(self.completion.id):
            self._unread_since = now
        elif now - self._unread_since > settings.CHAT_GRACE_S:
            self._finish(State.DISCONNECTED, faults.client_gone())

    def _run_without_client(self) -> None:
        if self._held is not None:  # it left before it got the first byte
            self._log_held()
        self._outbox = None
        self._unread_since = time.monotonic()

    def _log_held(self) -> None:
        held, self._held = self._held or b"", None
        self._log(held)


def _raise_swallowed_cancellation() -> None:
    """redis-py may turn a cancellation into an error of its own; the turn would run on without its client."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def stop(completion_id: UUID) -> None:
    """Stop the completion on whichever process runs it. Raises: Fault 503 if it is not this one and can't be told."""
    if completion_id in running:
        running[completion_id].stop()
        return
    try:
        await event_log.current().redis.publish(_STOPS, str(completion_id))
    except (RedisError, OSError) as err:
        raise faults.redis_unavailable() from err


_hearing: asyncio.Task[None] | None = None


def _hear_stops() -> None:
    """Listen to the other processes' stops, from the first turn on."""
    global _hearing
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
    global _hearing
    if _hearing is not None:
        _hearing.cancel()
        await asyncio.wait([_hearing])
        _hearing = None
    await event_log.shut_down()
