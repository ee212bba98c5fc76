"""What all turns have in common, streamed or not: routes, a single end, and a record.

As long as no content has been sent to the client, a retryable fault is retried with back-off and jitter, then the next
route is asked. A task does that, since a client that has waited for long gets heartbeats meanwhile. Subclasses define
an attempt (relay.py, whole_answer.py); phases.py defines what may happen when.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec
from django.conf import settings
from django.utils import timezone

from streaming.catalogue.catalogue import ServedRoute
from streaming.models import Completion
from streaming.routing.selection import Selection
from streaming.turns import phases, recorder
from streaming.turns.attempt import Attempt
from streaming.turns.phases import Event, Move, Phase, State, Words
from streaming.turns.watchdog import watchdog
from streaming.wire import faults
from streaming.wire.faults import Fault, Retry

logger = logging.getLogger(__name__)

CONTENT_FILTER = "content_filter"  # the finish reason of a refused answer, and the error of one that shows nothing
STOP_REQUESTED = "stop_requested"  # the finish reason of a turn that was stopped

_BACKOFF_S = 0.5  # doubled each time, ± 25 %
_BACKOFF_MAX_S = 8.0
_MAX_DETAIL_CHARS = 2000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a turn needs: its row, the model's routes, the client's fields undecoded, and whom to tell of its end.

    `headers` are sent with its answer.
    """

    completion: Completion
    routes: Sequence[ServedRoute]
    fields: Mapping[str, msgspec.Raw]
    on_end: Callable[[Completion], None]
    headers: Mapping[str, str] = field(default_factory=dict)
    is_weighted: bool = False  # otherwise the routes are asked in their order


AttemptT = TypeVar("AttemptT", bound=Attempt)


class Turn(Generic[AttemptT]):
    """One turn of a chat. It ends once: the first event that ends it is recorded."""

    def __init__(self, plan: Plan) -> None:
        self.completion = plan.completion
        self.headers = plan.headers
        self._plan = plan
        self._began_at = time.monotonic()
        self._phase = Phase.OPENING
        self._opened: asyncio.Future[None] | None = None  # there is something to send, or a fault
        self._asking: asyncio.Task[None] | None = None
        self._attempt: AttemptT | None = None  # the current one, or the last
        messages = plan.fields.get("messages", b"")
        self._selection = Selection(plan.routes, is_weighted=plan.is_weighted, messages=messages)

    async def open(self) -> None:
        """Return once there is something to send. Raises: Fault; then nothing was sent, and the turn is recorded."""
        if watchdog.is_over:
            self._plan.on_end(self.completion)
            raise faults.shutting_down()
        watchdog.add(self)
        recorder.current().save(self.completion)
        loop = asyncio.get_running_loop()
        self._opened = loop.create_future()
        self._asking = loop.create_task(self._ask_routes())
        try:
            await self._opened
        except asyncio.CancelledError:
            if self._meet(Event.LEFT):
                raise
            # The turn ended at this very moment. Its client has left, but its readers have not.
            if not self._opened.cancelled():
                self._opened.result()

    async def _ask_routes(self) -> None:
        """The task that goes on until the first content; the turn's end cancels it."""
        fault: Fault | None = None
        try:
            await self._try_routes()
        except Fault as err:
            fault = err
        except Exception:
            logger.exception("The turn %s broke off before its first content", self.completion.id)
            fault = faults.internal()
        self._asking = None
        if fault is not None:
            self._meet(Event.GIVEN_UP, fault)

    def look_after(self, now: float) -> None:
        """Do whatever is due; until the provider shows life, the attempt has its own timeouts."""

    def interrupt(self) -> None:
        """The process is ending: tell the client while that is possible."""
        self._meet(Event.INTERRUPT, faults.shutting_down())

    def break_off(self) -> None:
        """End the turn after an error of our own. Up to the first content `open` does, whatever it is."""

    async def _try(self, route: ServedRoute) -> None:
        """Ask one route; return once there is something to send. Raises: Fault."""
        raise NotImplementedError

    async def _try_routes(self) -> None:
        fault = faults.unreadable("the model has no route")
        while (route := await self._selection.next()) is not None:
            for tries in range(settings.CHAT_TRIES_PER_ROUTE):
                try:
                    await self._try(route)
                except Fault as err:
                    fault = err.tried()
                    self._selection.failed(fault)
                    self._meet(Event.FAULT, fault)
                    self._close_attempt()
                    self._log(route, fault)
                else:
                    self._selection.answered()
                    return
                if fault.retry is Retry.NEVER:
                    raise fault
                if fault.retry is Retry.NEXT_ROUTE or not await self._may_repeat(route, tries, fault):
                    break
        raise fault

    async def _may_repeat(self, route: ServedRoute, tries: int, fault: Fault) -> bool:
        """Wait until the route may be asked again; False if it should not be."""
        if self._selection.is_given_up(route) or not await _back_off(tries, fault):
            return False
        return await self._selection.repeat(route)

    def _log(self, route: ServedRoute, fault: Fault) -> None:
        """A line for each attempt that failed through no fault of the client's."""
        if fault.retry is not Retry.NEVER:
            chat, why = self.completion, f"{fault.code} ({fault.detail or fault.message})"
            logger.warning("%s failed chat %s of model %s: %s", route.provider, chat.id, chat.chat_model, why)

    def _begin(self, attempt: AttemptT) -> None:
        """Note in the row which route is asked now."""
        self._attempt = attempt
        self.completion.attempts += 1
        self.completion.provider = attempt.route.provider
        self.completion.upstream_model = attempt.route.upstream_model

    def _close_attempt(self, *, has_whole_answer: bool = False) -> None:
        if self._attempt is not None:
            self._attempt.close(has_whole_answer=has_whole_answer)

    def _meet(self, event: Event, fault: Fault | None = None) -> bool:
        """Apply the event to the current phase; returns False if it came too late to have an effect."""
        move = phases.move(self._phase, event)
        if move is None:
            return False
        self._phase = move.phase
        if move.state is not None:
            self._record(move.state, fault)
            self._say(move.words, fault)
            if self._asking is not None:
                self._asking.cancel()
        if move.phase is not Phase.OPENING:
            self._end_opening(move, fault)
        return True

    def _end_opening(self, move: Move, fault: Fault | None) -> None:
        """Make `open` return if there is something to send, else raise."""
        if self._opened is None or self._opened.done():
            return
        if move.phase is not Phase.ENDED or move.words is not Words.NONE:
            self._opened.set_result(None)
        elif fault is not None:
            self._opened.set_exception(fault)
        else:
            self._opened.cancel()

    def _say(self, words: Words, fault: Fault | None) -> None:
        """End the client's stream. An answer that is not streamed has no last words."""

    def _record(self, state: State, fault: Fault | None) -> None:
        """Close the upstream and queue the row to be written."""
        self._close_attempt(has_whole_answer=state is State.COMPLETED)
        watchdog.discard(self)
        completion = self.completion
        completion.state = state
        completion.finished_at = dt.datetime.now(dt.UTC)
        completion.duration_ms = self._elapsed_ms()
        self._record_heard()
        self._selection.ended(
            is_completed=state is State.COMPLETED,
            fault=fault if state is State.FAILED else None,
            tokens=_sum(completion.prompt_tokens, completion.completion_tokens),
        )
        if state is State.STOPPED:
            completion.finish_reason = STOP_REQUESTED
        if fault is not None:
            completion.error_code = _recordable(fault.code)[:100]
            quote = fault.quote if settings.CHAT_STORE_TEXT else ""
            detail = ": ".join(part for part in (fault.detail, quote) if part)
            completion.error_detail = _recordable(detail)[:_MAX_DETAIL_CHARS]
        recorder.current().save(completion)
        self._plan.on_end(completion)

    def _record_heard(self) -> None:
        """Record the usage of the last attempt. Without usage, its cost is not known."""
        if self._attempt is None or self._attempt.heard is None:
            return
        completion, heard = self.completion, self._attempt.heard
        completion.chunks = heard.chunks
        completion.finish_reason = _recordable(heard.finish_reason)[:64]
        is_whole = completion.state == State.COMPLETED
        if is_whole and heard.finish_reason == CONTENT_FILTER and not heard.has_content:
            completion.error_code = CONTENT_FILTER
        usage = heard.usage
        if usage is None:
            return
        completion.prompt_tokens = _count(usage.prompt_tokens)
        completion.completion_tokens = _count(usage.completion_tokens)
        completion.cached_tokens = _count(usage.cached_tokens)
        completion.reasoning_tokens = _count(usage.reasoning_tokens)
        if self._attempt.route.prices.rules:
            completion.cost_cny = self._attempt.route.prices.cost_cny(
                prompt_tokens=completion.prompt_tokens or 0,
                cached_tokens=completion.cached_tokens or 0,
                completion_tokens=completion.completion_tokens or 0,
                day=timezone.localdate(),
            )

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began_at) * 1000)


def _count(tokens: int) -> int | None:
    """The number of tokens if it is plausible and fits its column, else None: not known."""
    return tokens if 0 <= tokens < 2**31 else None


def _sum(prompt_tokens: int | None, completion_tokens: int | None) -> int | None:
    if prompt_tokens is None and completion_tokens is None:
        return None
    return (prompt_tokens or 0) + (completion_tokens or 0)


def _recordable(text: str) -> str:
    """The text without NUL, which providers may send and PostgreSQL does not store."""
    return text.replace("\0", "\ufffd")


async def _back_off(tries: int, fault: Fault) -> bool:
    """Wait before the route is asked again; returns False if it should not be asked again."""
    wait_s = fault.retry_after_s
    if wait_s is None:
        wait_s = _BACKOFF_S * 2**tries * random.uniform(0.75, 1.25)  # noqa: S311  # jitter need not be secret
    if tries + 1 >= settings.CHAT_TRIES_PER_ROUTE or wait_s > _BACKOFF_MAX_S:
        return False
    await asyncio.sleep(wait_s)
    return True
