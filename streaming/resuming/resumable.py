"""A turn of the app profile: it does not depend on any one connection.

The client's output is also logged (event_log.py), so a client that lost its connection can resume on any process
(readers.py). When nobody reads, the turn continues for `CHAT_GRACE_S`; then the provider is cancelled. A stop ends it
at once, whichever process runs it (stops.py).

Without Redis it is an ordinary turn, and `start` says `resumable: false`: a client that leaves cancels it.
"""

import asyncio
import time

from django.conf import settings

from streaming.resuming import event_log, stops
from streaming.resuming.logged_client import LoggedClient
from streaming.turns.phases import Event, Phase, State
from streaming.turns.relay import Relay
from streaming.turns.turn import Plan
from streaming.wire import faults
from streaming.wire.faults import Fault
from streaming.wire.profiles.app import AppProfile


class ResumableRelay(Relay):
    """A turn whose events are logged for readers that come back."""

    def __init__(self, plan: Plan, profile: AppProfile) -> None:
        self._logged = LoggedClient(plan.completion.id)
        super().__init__(plan, profile, client=self._logged)
        self._app_profile = profile
        self._unread_since: float | None = None

    async def open(self) -> None:
        completion_id = self.completion.id
        try:
            is_logged = await event_log.current().open(completion_id, self.completion.owner)
            _raise_swallowed_cancellation()
        except BaseException:  # the client has left: the turn ends before it began
            self._plan.on_end(self.completion)
            raise
        self._logged.is_logged = self._app_profile.is_resumable = is_logged
        stops.running[completion_id] = self
        stops.hear()
        try:
            await super().open()
        finally:
            if self._phase is Phase.OPENING:  # refused, because the process is ending
                self._forget()

    def stop(self) -> None:
        """The user has stopped the turn."""
        self._meet(Event.STOP)

    def _record(self, state: State, fault: Fault | None) -> None:
        self.completion.text = "".join(self._app_profile.text)
        self.completion.reasoning = "".join(self._app_profile.reasoning)
        super()._record(state, fault)
        stops.running.pop(self.completion.id, None)

    def _forget(self) -> None:
        stops.running.pop(self.completion.id, None)
        self._logged.end_unsaid()

    # --- The client's side --------------------------------------------------------------------------------------------

    def client_left(self) -> None:
        if self._logged.follower is not None:
            self._logged.follower.client_left()
        elif self._phase is Phase.ENDED:
            self._logged.log_held()  # the turn had ended before a byte could be sent to the client
        elif not self._logged.is_logged:
            super().client_left()
        elif self._logged.detach():
            self._unread_since = time.monotonic()
        else:
            self._meet(Event.UNREAD, faults.client_gone())

    def writable(self, is_writable: bool) -> None:
        """A slow client holds nothing up: it continues from the log, and the turn continues without it."""
        if self._logged.follower is not None:
            self._logged.follower.writable(is_writable)
        elif self._logged.hand_over(after=self._app_profile.last_id):
            self._unread_since = time.monotonic()
        else:
            super().writable(is_writable)

    def look_after(self, now: float) -> None:
        super().look_after(now)
        if self._unread_since is None or self._phase is Phase.ENDED:
            return
        if event_log.current().is_followed(self.completion.id):
            self._unread_since = now
        elif now - self._unread_since > settings.CHAT_GRACE_S:
            self._meet(Event.UNREAD, faults.client_gone())


def _raise_swallowed_cancellation() -> None:
    """redis-py may turn a cancellation into its own error; then the turn would keep running without its client."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
