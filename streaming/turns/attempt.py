"""One attempt on one route: the request, and the response while it is open. Its state lives and ends with it.

Whatever a provider says about a failure is redacted here, once for all dialects.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import msgspec
from django.conf import settings

from streaming.catalogue import dialects
from streaming.catalogue.catalogue import ServedRoute
from streaming.upstream import ConnectFailed, UpstreamError, UpstreamPool, UpstreamResponse
from streaming.wire import faults
from streaming.wire.chunks import Usage
from streaming.wire.dialects.dialect import Answer, Ask
from streaming.wire.faults import Fault
from streaming.wire.redaction import redacted

_ERROR_BODY_BYTES = 64 * 1024

_pool: UpstreamPool | None = None


class Heard(Protocol):
    """What has been received of an answer so far."""

    @property
    def chunks(self) -> int: ...

    @property
    def finish_reason(self) -> str: ...

    @property
    def usage(self) -> Usage | None: ...


class Attempt:
    """`heard` is None until anything has been received."""

    def __init__(self, route: ServedRoute) -> None:
        """Raises: Fault, if the route's dialect is not installed."""
        self.route = route
        self.heard: Heard | None = None
        self._dialect = dialects.of(route.dialect)
        self._response: UpstreamResponse | None = None

    async def ask(self, fields: Mapping[str, msgspec.Raw], *, completion_id: str, is_stream: bool) -> UpstreamResponse:
        """Send the request and return a response of status 200. Raises: Fault."""
        route = self.route
        api_key = route.api_key
        if not api_key:
            raise faults.misconfigured(f"{route.api_key_env} is not set")
        ask = Ask(
            base_url=route.base_url,
            api_key=api_key,
            model=route.upstream_model,
            is_stream=is_stream,
            fields=fields,
            completion_id=completion_id,
        )
        try:
            self._response = response = await pool().post(
                *self._dialect.request(ask), connect_timeout_s=route.timeouts.connect_s
            )
            if response.status != 200:
                raise await self._refusal(response)
        except ConnectFailed as err:
            raise faults.connect_failed(str(err)) from err
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        except ValueError as err:
            raise faults.misconfigured(str(err)) from err
        return response

    async def _refusal(self, response: UpstreamResponse) -> Fault:
        body = await _error_body(response)
        retry_after = response.header(b"retry-after")
        return self.redacted(self._dialect.refusal(body, status=response.status, retry_after=retry_after))

    async def refuse_other_than_stream(self, response: UpstreamResponse) -> None:
        """A stream was requested: any other body is an error inside a 200, or useless. Raises: Fault."""
        content_type = response.header(b"content-type") or b""
        if b"json" not in content_type and b"html" not in content_type:
            return
        try:
            body = await response.read(_ERROR_BODY_BYTES)
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        if (error := self._dialect.error_in(body)) is not None:
            raise self.redacted(error)
        raise faults.unreadable(f"{content_type.decode(errors='replace')} instead of a stream")

    def answer(self, body: bytes) -> Answer:
        """Read a whole answer. Raises: Fault."""
        try:
            self.heard = answer = self._dialect.answer(body)
        except Fault as fault:
            raise self.redacted(fault) from fault
        return answer

    def redacted(self, fault: Fault) -> Fault:
        """The fault without the route's secrets, for clients and the record."""
        return redacted(fault, self.route.secrets)

    def pause(self) -> None:
        """Stop reading, so that TCP slows the provider down."""
        if self._response is not None:
            self._response.pause()

    def resume(self) -> None:
        if self._response is not None:
            self._response.resume()

    def let_go(self) -> None:
        """The response has ended by itself."""
        self._response = None

    def close(self, *, has_whole_answer: bool = False) -> None:
        """If the answer is whole, the next turn may use its connection; otherwise closing it cancels the answer."""
        response, self._response = self._response, None
        if response is None:
            return
        if has_whole_answer:
            response.release()
        else:
            response.close()


class StreamedAttempt(Attempt):
    """`first_content` is done once the first content has arrived, or fails with a Fault before that."""

    def __init__(self, route: ServedRoute) -> None:
        super().__init__(route)
        self.decoder = self._dialect.decoder(max_event_bytes=settings.CHAT_MAX_EVENT_BYTES)
        self.heard = self.decoder
        self.first_content: asyncio.Future[None] = asyncio.get_running_loop().create_future()


async def _error_body(response: UpstreamResponse) -> bytes:
    """The body of a refusal; empty if it is cut off or endless, since the status says enough."""
    try:
        return await response.read(_ERROR_BODY_BYTES)
    except UpstreamError:
        return b""


def pool() -> UpstreamPool:
    """The connection pool of this process."""
    global _pool  # one per process
    if _pool is None:
        _pool = UpstreamPool()
    return _pool


async def shut_down() -> None:
    """Close the connections; no turn is open by now."""
    global _pool  # one per process
    if _pool is not None:
        pool, _pool = _pool, None
        await pool.close()
