"""What every turn has in common, streamed or not: its routes, its one end, and its record.

Before anything is sent to the client a retryable fault is retried with back-off and jitter, then the next route is
asked. Each subclass says what one attempt is (relay.py, whole_answer.py).
"""

import asyncio
import datetime as dt
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from django.conf import settings

from streaming.catalogue.catalogue import ServedRoute
from streaming.catalogue.prices import Price
from streaming.models import Completion
from streaming.turns import recorder
from streaming.turns.watchdog import watch
from streaming.upstream import ConnectFailed, UpstreamError, UpstreamPool, UpstreamResponse
from streaming.wire import faults, provider
from streaming.wire.faults import Fault, Retry

State = Completion.State

_BACKOFF_S = 0.5  # doubled each time, ± 25 %
_BACKOFF_MAX_S = 8.0
_ERROR_BODY_BYTES = 64 * 1024
_MAX_DETAIL_CHARS = 2000

_pool: UpstreamPool | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a turn is made of: its row, the routes in order, the client's fields undecoded, and who hears of its end."""

    completion: Completion
    routes: Sequence[ServedRoute]
    fields: Mapping[str, msgspec.Raw]
    on_end: Callable[[Completion], None]


class Turn:
    """One turn of a chat. Ends once: whoever comes first records it."""

    def __init__(self, plan: Plan) -> None:
        self.completion = plan.completion
        self._plan = plan
        self._began_at = time.monotonic()
        self._is_recorded = False
        self._opening: asyncio.Task[object] | None = None
        self._is_interrupted = False
        self._response: UpstreamResponse | None = None
        self._finish_reason = ""
        self._usage: provider.Usage | None = None
        self._price: Price | None = None

    async def open(self) -> None:
        """Return when there is something to send. Raises: Fault, with nothing sent and the turn recorded."""
        if watch.is_draining:
            self._plan.on_end(self.completion)
            raise faults.shutting_down()
        watch.add(self)
        recorder.current().save(self.completion)
        self._opening = asyncio.current_task()
        try:
            await self._try_routes()
        except Fault as fault:
            self._record(State.FAILED, fault)
            raise
        except asyncio.CancelledError:
            if self._is_interrupted:
                end = faults.shutting_down()
                self._record(State.INTERRUPTED, end)
                raise end from None
            self._record(State.DISCONNECTED)
            raise
        except BaseException:
            self._record(State.FAILED, faults.internal())
            raise
        finally:
            self._opening = None

    def look_after(self, now: float) -> None:
        """See what is due; up to the first content the attempt has its own timeouts."""

    def interrupt(self) -> None:
        """The process ends: have `open` raise."""
        if self._opening is not None:
            self._is_interrupted = True
            self._opening.cancel()

    async def _attempt(self, route: ServedRoute, dialect: provider.Dialect) -> None:
        """Ask one route; return when there is something to send. Raises: Fault."""
        raise NotImplementedError

    async def _try_routes(self) -> None:
        fault = faults.unreadable("the model has no route")
        for route in self._plan.routes:
            for tries in range(settings.CHAT_TRIES_PER_ROUTE):
                try:
                    await self._attempt(route, provider.DIALECTS[route.dialect])
                except Fault as err:
                    fault = err
                    self._close_upstream()
                else:
                    return
                if fault.retry is Retry.NEVER:
                    raise fault
                if fault.retry is Retry.NEXT_ROUTE or not await _back_off(tries, fault):
                    break
        raise fault

    async def _ask(self, route: ServedRoute, dialect: provider.Dialect) -> UpstreamResponse:
        """Send the request and return a response of status 200. Raises: Fault."""
        completion = self.completion
        completion.attempts += 1
        completion.provider, completion.upstream_model = route.provider, route.upstream_model
        self._price = route.price
        if not route.api_key:
            raise faults.misconfigured(f"{route.api_key_env} is not set")
        headers = provider.request_headers(api_key=route.api_key, completion_id=str(completion.id))
        body = provider.request_body(
            dialect, self._plan.fields, model=route.upstream_model, is_stream=completion.is_stream
        )
        try:
            self._response = response = await pool().post(provider.chat_url(route.base_url), headers, body)
            if response.status != 200:
                raise provider.fault_of_response(
                    dialect,
                    status=response.status,
                    body=await _error_body(response),
                    retry_after=response.header(b"retry-after"),
                    secrets=route.secrets,
                )
        except ConnectFailed as err:
            raise faults.connect_failed(str(err)) from err
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        except ValueError as err:
            raise faults.misconfigured(str(err)) from err
        return response

    def _close_upstream(self, *, has_whole_answer: bool = False) -> None:
        """An answer that is whole leaves its connection to the next turn; any other is cancelled by closing it."""
        if self._response is None:
            return
        if has_whole_answer:
            self._response.release()
        else:
            self._response.close()
        self._response = None

    def _record(self, state: State, fault: Fault | None = None) -> bool:
        """Close the upstream and have the row written; False if the turn has ended before."""
        if self._is_recorded:
            return False
        self._is_recorded = True
        self._close_upstream(has_whole_answer=state is State.COMPLETED)
        watch.discard(self)
        completion = self.completion
        completion.state = state
        completion.finish_reason = _recordable(self._finish_reason)[:64]
        completion.finished_at = dt.datetime.now(dt.UTC)
        completion.duration_ms = self._elapsed_ms()
        if fault is not None:
            completion.error_code = _recordable(fault.code)[:100]
            quote = fault.quote if settings.CHAT_STORE_TEXT else ""
            detail = ": ".join(part for part in (fault.detail, quote) if part)
            completion.error_detail = _recordable(detail)[:_MAX_DETAIL_CHARS]
        if self._usage is not None:
            completion.prompt_tokens = _count(self._usage.prompt_tokens)
            completion.completion_tokens = _count(self._usage.completion_tokens)
            completion.cached_tokens = _count(self._usage.cached_tokens)
            completion.reasoning_tokens = _count(self._usage.reasoning_tokens)
            if self._price is not None:
                completion.cost_cny = self._price.cost_cny(
                    prompt_tokens=completion.prompt_tokens or 0,
                    cached_tokens=completion.cached_tokens or 0,
                    completion_tokens=completion.completion_tokens or 0,
                )
        recorder.current().save(completion)
        self._plan.on_end(completion)
        return True

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began_at) * 1000)


async def _error_body(response: UpstreamResponse) -> bytes:
    """What the provider says of its refusal; nothing if that is cut, or endless: its status counts all the same."""
    try:
        return await response.read(_ERROR_BODY_BYTES)
    except UpstreamError:
        return b""


def _count(tokens: int) -> int | None:
    """A number of tokens that can be one and fits its column, else None: not known."""
    return tokens if 0 <= tokens < 2**31 else None


def _recordable(text: str) -> str:
    """PostgreSQL's texts have no NUL; providers' may."""
    return text.replace("\0", "\ufffd")


async def _back_off(tries: int, fault: Fault) -> bool:
    """Wait before the route is asked again; False if it should not be."""
    wait_s = fault.retry_after_s
    if wait_s is None:
        wait_s = _BACKOFF_S * 2**tries * random.uniform(0.75, 1.25)  # noqa: S311  # jitter is no secret
    if tries + 1 >= settings.CHAT_TRIES_PER_ROUTE or wait_s > _BACKOFF_MAX_S:
        return False
    await asyncio.sleep(wait_s)
    return True


def pool() -> UpstreamPool:
    """The connections of this process."""
    global _pool  # one per process
    if _pool is None:
        _pool = UpstreamPool(connect_timeout_s=settings.CHAT_CONNECT_TIMEOUT_S)
    return _pool


async def shut_down() -> None:
    """Write what is left to record and close the connections; no turn is open any more."""
    global _pool  # as above
    await asyncio.get_running_loop().run_in_executor(None, recorder.current().stop)
    if _pool is not None:
        await _pool.close()
        _pool = None
