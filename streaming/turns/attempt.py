"""One attempt on one route: the request, and the response while it is open. Its state lives and ends with it.

Whatever a provider says about a failure is redacted here, once for all dialects.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

import msgspec
from django.conf import settings

from streaming.catalogue import dialects
from streaming.catalogue.catalogue import ServedRoute
from streaming.routing import params
from streaming.upstream import ConnectFailed, Headers, UpstreamError, UpstreamPool, UpstreamResponse
from streaming.wire import assembly, blame, faults, labels, sse
from streaming.wire.chunks import Usage
from streaming.wire.dialects.dialect import Answer, Ask, Piece, Request
from streaming.wire.faults import Fault
from streaming.wire.redaction import redacted
from streaming.wire.vendors.refusals import Reported

_ERROR_BODY_BYTES = 64 * 1024
_REFUSES_MEMBERS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)

_pool: UpstreamPool | None = None


class Heard(Protocol):
    """What has been received of an answer so far."""

    @property
    def chunks(self) -> int: ...

    @property
    def has_content(self) -> bool: ...

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
        """Send the request and return a response of status 200. Raises: Fault.

        A provider that refuses members which we added is asked again without them.
        """
        known = refused = params.refused_by(self.route)
        while True:
            request = self._request(fields, refused, completion_id=completion_id, is_stream=is_stream)
            response = await self._send(request)
            if response.status == 200:
                if refused is not known:
                    params.remember_refused(self.route, refused)
                return response
            body = await _error_body(response)
            fault = self._refusal(response, body)
            if response.status not in _REFUSES_MEMBERS:
                raise fault
            blamed = blame.blamed(body, params.added(request.body, fields))
            if blamed <= refused:
                raise faults.not_the_clients(fault) if self._is_ours(body, refused, fields) else fault
            refused |= blamed

    def _is_ours(self, body: bytes, refused: frozenset[str], fields: Mapping[str, msgspec.Raw]) -> bool:
        """Whether a refusal blames members that nobody sends any more."""
        return bool(blame.blamed(body, params.not_sent(fields, refused)))

    def _request(
        self, fields: Mapping[str, msgspec.Raw], refused: frozenset[str], *, completion_id: str, is_stream: bool
    ) -> Request:
        """Raises: Fault, if the route's values make no request."""
        route = self.route
        api_key = route.api_key
        if route.api_key_env and not api_key:
            raise faults.misconfigured(f"{route.api_key_env} is not set")
        ask = Ask(
            base_url=route.base_url,
            api_key=api_key,
            model=route.upstream_model,
            is_stream=is_stream,
            fields=params.fields_for(route, fields, refused),
            completion_id=completion_id,
            without=params.never_added(route, refused),
            key_header=route.vendor.key_header,
        )
        try:
            request = self._dialect.request(ask)
        except ValueError as err:
            raise faults.misconfigured(str(err)) from err
        return request._replace(headers=_with(route.headers, request.headers)) if route.headers else request

    async def _send(self, request: Request) -> UpstreamResponse:
        route = self.route
        try:
            self._response = response = await pool().post(
                *request, connect_timeout_s=route.timeouts.connect_s, proxy_url=route.proxy_url
            )
        except ConnectFailed as err:
            raise faults.connect_failed(str(err)) from err
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        except ValueError as err:
            raise faults.misconfigured(str(err)) from err
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise faults.misconfigured("the proxy wants a user and a password")
        return response

    def _refusal(self, response: UpstreamResponse, body: bytes) -> Fault:
        retry_after = response.header(b"retry-after")
        return self.judged(self._dialect.refusal(body, status=response.status, retry_after=retry_after))

    def answer(self, body: bytes) -> Answer:
        """Read a whole answer, which some gateways send as a stream. Raises: Fault."""
        try:
            answer = self._assembled(body) if labels.is_stream(body) else self._dialect.answer(labels.told_by(body))
            self.heard = answer
            self.heard = answer = answer.in_our_words(self.route.vendor)
        except Fault as fault:
            raise self.judged(fault) from fault
        return answer

    def _assembled(self, body: bytes) -> Answer:
        """Raises: Fault."""
        decoder = self._dialect.decoder(max_event_bytes=settings.CHAT_MAX_EVENT_BYTES)
        decoder.vendor = self.route.vendor
        pieces = [*decoder.feed(body), *decoder.finish()]
        if decoder.fault is not None:
            raise decoder.fault
        if not decoder.has_whole_answer:
            raise decoder.cut()
        payloads = [piece.event.data for piece in pieces if piece.chunk is not None]
        try:
            whole = assembly.whole(payloads, decoder.usage)
        except (ValueError, TypeError, AttributeError) as err:
            raise faults.unreadable(str(err)) from err
        return Answer(whole, decoder.finish_reason, decoder.usage, decoder.has_content)

    def judged(self, fault: Fault) -> Fault:
        """The fault as the route's vendor means it, without the route's secrets: for clients and the record."""
        if isinstance(fault, Reported):
            fault = fault.by(self.route.vendor)
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
    """`first_content` is done once the first content has arrived, or fails with a Fault before that.

    `is_alive`: its body has begun, so the idle and total timeouts have taken the place of that for the first content.
    """

    def __init__(self, route: ServedRoute) -> None:
        super().__init__(route)
        self.decoder = self._dialect.decoder(max_event_bytes=settings.CHAT_MAX_EVENT_BYTES)
        self.decoder.vendor = route.vendor
        self.heard = self.decoder
        self.first_content: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.deadline: asyncio.Timeout | None = None  # of the first content
        self.is_alive = False

    def last_pieces(self) -> list[Piece]:
        """What the end of the body completes: its last event, or a whole answer that came instead of a stream."""
        decoder = self.decoder
        if not decoder.body:
            return decoder.finish()
        body, decoder.body = bytes(decoder.body), bytearray()
        if not sse.is_json(body):
            return []
        try:
            if (error := self._dialect.error_in(body)) is not None:
                raise error
            return decoder.replay(self._dialect.answer(body).in_our_words(self.route.vendor))
        except Fault as fault:
            decoder.fault = fault
            return []

    def show_life(self) -> None:
        """Bytes of the body have come: what comes next may take its time, unless somebody has set one."""
        if self.is_alive or self.route.timeouts.is_first_content_strict:
            return
        if self.deadline is not None and not self.deadline.expired():
            self.deadline.reschedule(None)
            self.is_alive = True


def _with(extra: Mapping[str, str], headers: Headers) -> Headers:
    """The route's headers beside ours, in the place of those with the same name."""
    names = {name.lower().encode() for name in extra}
    kept = [header for header in headers if header[0].lower() not in names]
    return kept + [(name.encode(), value.encode()) for name, value in extra.items()]


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
