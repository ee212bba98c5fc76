"""One turn: from a checked request to the last byte, over the routes of its model.

    relay = Relay(plan, profile=…)
    await relay.open()            # up to the first content: retries and fails over; raises Fault
    DrivenResponse(relay)         # from then on everything is pushed: read → observe → write, in one callback

1. `open` asks one route after the other. Until the first content nothing is sent to the client, so a fault can still be
   retried, and the client gets a real HTTP status.
2. With the first content the turn is committed. Each read of the upstream's socket is parsed, observed and written to
   the client on the spot; a stream has no task, no queue and no timer of its own: `watchdog.py` looks after the
   timeouts and heartbeats of all of them.
3. It ends once, in `_finish`: with the provider's end, a fault, a client that left or does not read, or the process's
   own end. The upstream is closed, the last event sent if there is anybody to read it, and the row recorded.

Killed half-way: the client sees its connection break without a terminal event; the row stays `streaming` until the
sweep marks it interrupted.
"""

import asyncio
import time

from django.conf import settings

from foundation.serving.driven import Outbox
from streaming.catalogue.catalogue import ServedRoute
from streaming.turns.turn import Plan, State, Turn
from streaming.upstream import UpstreamError, UpstreamResponse
from streaming.wire import faults, provider, sse
from streaming.wire.faults import Fault
from streaming.wire.profiles import Profile

_JSON_BODY_BYTES = 64 * 1024

_decode_chunk = provider.chunk_decoder.decode


class Relay(Turn):
    """A turn that streams: the receiver of the upstream's body (`upstream.BodyReceiver`) and the source of the
    response (`foundation.serving.driven.Source`)."""

    def __init__(self, plan: Plan, *, profile: Profile) -> None:
        super().__init__(plan)
        self._profile = profile
        self._outbox: Outbox | None = None
        self._is_writable = True
        self._is_ended = False
        self._read_at = self._wrote_at = time.monotonic()

    # --- Up to the first content --------------------------------------------------------------------------------------

    async def _attempt(self, route: ServedRoute, dialect: provider.Dialect) -> None:
        self._dialect, self._secrets = dialect, route.secrets
        self._parser = sse.Parser(max_event_bytes=settings.CHAT_MAX_EVENT_BYTES)
        self._first_content: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_committed = False
        self._is_done = False
        self._finish_reason = ""
        self._unfinished_choices: set[int] = set()
        self._usage = None
        self.completion.chunks = 0
        # For the client, until it can be written; None from then on.
        self._held: bytes | None = self._profile.start(
            completion_id=self.completion.id, model=self.completion.chat_model
        )
        timeout_s = settings.CHAT_FIRST_CONTENT_TIMEOUT_S
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._ask(route, dialect)
                await self._refuse_json(response)
                response.deliver_to(self)
                await self._first_content
        except TimeoutError as err:
            raise faults.first_content_timeout(timeout_s) from err

    async def _refuse_json(self, response: UpstreamResponse) -> None:
        """A stream was asked for: what is not one is an error in a 200, or of no use. Raises: Fault."""
        content_type = response.header(b"content-type") or b""
        if b"json" not in content_type and b"html" not in content_type:
            return
        try:
            body = await response.read(_JSON_BODY_BYTES)
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        if provider.holds_error(body):
            raise self._fault_of(body)
        raise faults.unreadable(f"{content_type.decode(errors='replace')} instead of a stream")

    def _fault_of(self, payload: bytes) -> Fault:
        return provider.fault_of_payload(self._dialect, payload, secrets=self._secrets)

    # --- The upstream's side (upstream.BodyReceiver) ------------------------------------------------------------------

    def body_received(self, read: bytes) -> None:
        self._read_at = time.monotonic()
        data = self._parser.only_data(read)
        if data is None or not self._is_committed or not self._pass_on(data, read):
            self._observe(read)

    def _pass_on(self, data: bytes, read: bytes) -> bool:
        """Observe and write a read that is one chunk in the midst of one choice. False if it is anything else.

        Nearly every read is one. What `_observe` would do with it, without the steps for all others, takes 3 of the
        33 µs of CPU off a chunk at 500 streams (docs/benchmarks.md).
        """
        try:
            chunk = _decode_chunk(data)
            choices = chunk.choices
            if not choices or len(choices) > 1 or chunk.error is not provider.NULL:
                return False
            choice = choices[0]
            if choice.finish_reason is not None or choice.index not in self._unfinished_choices:
                return False
            out = self._profile.choice(read, choice)
        except (ValueError, RecursionError):
            return False
        self.completion.chunks += 1
        if chunk.usage is not None:
            self._usage = chunk.usage
        if out:
            self._write(out)
        return True

    def _observe(self, read: bytes) -> None:
        """Take note of the events that end in the read, and write what the client gets of them."""
        out: list[bytes] = []
        fault = None
        try:
            for event in self._parser.feed(read):
                out.append(self._observe_event(event))
        except Fault as err:
            fault = err
        except sse.EventTooLarge as err:
            fault = faults.too_large(str(err))
        except (ValueError, RecursionError) as err:  # JSON, but not of the shape that it should have
            fault = faults.unreadable(str(err))
        if passed_on := b"".join(out):  # also what came before the fault; uncopied, if it is one event
            self._write(passed_on)
        if fault is not None:
            self._fail(fault)
        elif self._is_done:
            self._upstream_ended()

    def body_ended(self) -> None:
        self._response = None
        if not self._is_done:
            self._upstream_ended()

    def body_failed(self, error: UpstreamError) -> None:
        self._response = None
        # All that was asked for has come: how the connection ended does not matter.
        if self._has_whole_answer():
            self._upstream_ended()
        else:
            self._fail(faults.truncated(str(error)))

    def _observe_event(self, event: sse.Event) -> bytes:
        """Take note of the event and return what the client gets of it. Raises: Fault, ValueError, RecursionError."""
        if self._is_done or not event.data:
            return b""  # after the end, or a keep-alive
        if event.data.strip() == provider.DONE:
            self._is_done = True
            return b""
        chunk: provider.Chunk | None
        try:
            chunk = _decode_chunk(event.data)
        except ValueError:
            chunk = provider.readable_parts(event.data)
        if chunk is None:
            return self._observe_odd_event(event)
        if event.event == b"error" or not provider.is_null(chunk.error):
            raise self._fault_of(event.data)
        self.completion.chunks += 1
        if chunk.usage is not None:
            self._usage = chunk.usage
        has_content = self._note_choices(chunk)
        out = self._profile.chunk(event, chunk)
        if has_content and not self._is_committed:
            self._commit()
        return out

    def _observe_odd_event(self, event: sse.Event) -> bytes:
        """An event that is not one JSON chunk: several payloads in one event, or something unknown, which passes."""
        if event.event == b"error":
            raise self._fault_of(event.data)
        payloads = sse.payloads(event.data)
        if len(payloads) == 1:
            return self._profile.chunk(event, None)
        parts = [sse.Event(payload, event.event, event.id, sse.encode_data(payload)) for payload in payloads]
        return b"".join([self._observe_event(part) for part in parts])

    def _note_choices(self, chunk: provider.Chunk) -> bool:
        """Keep the finish reason and say whether the chunk has anything that a reader waits for."""
        has_content = False
        for choice in chunk.choices or ():
            if choice.finish_reason:
                self._finish_reason = choice.finish_reason
                self._unfinished_choices.discard(choice.index)
                has_content = True
            elif not self._finish_reason:
                self._unfinished_choices.add(choice.index)
            delta = choice.delta
            if delta is not None and (
                delta.content or delta.reasoning_text or delta.refusal or not provider.is_null(delta.tool_calls)
            ):
                has_content = True
        return has_content

    def _has_whole_answer(self) -> bool:
        return self._is_done or bool(self._finish_reason and not self._unfinished_choices)

    def _commit(self) -> None:
        """The first content: from here on nothing is retried."""
        self._is_committed = True
        self.completion.first_content_ms = self._elapsed_ms()
        if not self._first_content.done():
            self._first_content.set_result(None)

    def _upstream_ended(self) -> None:
        if self._is_committed and self._has_whole_answer():
            self._finish(State.COMPLETED)
        elif provider.holds_error(unfinished := self._parser.close()):  # a gateway's, which did not make it an event
            self._fail(self._fault_of(unfinished.removeprefix(b"data:")))
        else:
            self._fail(faults.truncated(f"ended after {self.completion.chunks} chunks"))

    def _fail(self, fault: Fault) -> None:
        """Before the first content the attempt fails; after it, the turn."""
        if self._is_committed:
            self._finish(State.FAILED, fault)
        elif not self._first_content.done():
            self._close_upstream()
            self._first_content.set_exception(fault)

    # --- The client's side (foundation.serving.driven.Source) ---------------------------------------------------------

    def drive(self, outbox: Outbox) -> None:
        self._outbox = outbox
        held, self._held = self._held or b"", None
        if self._is_ended:
            outbox.end(held)
        elif not self._is_recorded:
            outbox.write(held)

    def writable(self, is_writable: bool) -> None:
        self._is_writable = is_writable
        self._wrote_at = self._read_at = time.monotonic()
        if self._response is None:
            return
        if is_writable:
            self._response.resume()
        else:
            self._response.pause()

    def client_left(self) -> None:
        self._is_ended = True
        self._finish(State.DISCONNECTED)

    def _write(self, out: bytes) -> None:
        self._wrote_at = self._read_at
        if self._outbox is not None:
            self._outbox.write(out)
        elif self._held is not None:
            self._held += out

    def _end(self, out: bytes) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        if self._outbox is not None:
            self._outbox.end(out)
        elif self._held is not None:
            self._held += out

    # --- Time ---------------------------------------------------------------------------------------------------------

    def look_after(self, now: float) -> None:
        """Timeouts and heartbeats of a committed turn."""
        if not self._is_committed or self._is_recorded:
            return
        if not self._is_writable:
            if now - self._wrote_at > settings.WRITE_TIMEOUT_S:
                self._give_up_client()
        elif now - self._began_at > settings.CHAT_TOTAL_TIMEOUT_S:
            self._fail(faults.total_timeout(settings.CHAT_TOTAL_TIMEOUT_S))
        elif now - self._read_at > settings.CHAT_IDLE_TIMEOUT_S:
            self._idled()
        elif now - self._wrote_at > settings.CHAT_HEARTBEAT_S and self._outbox is not None:
            self._wrote_at = now
            self._outbox.write(self._profile.heartbeat)

    def _idled(self) -> None:
        if self._has_whole_answer():
            self._finish(State.COMPLETED)
        else:
            self._fail(faults.idle_timeout(settings.CHAT_IDLE_TIMEOUT_S))

    def _give_up_client(self) -> None:
        self._is_ended = True
        self._finish(State.DISCONNECTED, Fault("client_stalled", "The client read nothing.", status=408))
        if self._outbox is not None:
            self._outbox.abort()

    def interrupt(self) -> None:
        """The process ends: say so to the client while it can be said."""
        if self._is_committed:
            self._finish(State.INTERRUPTED, faults.shutting_down())
        else:
            super().interrupt()

    def _finish(self, state: State, fault: Fault | None = None) -> None:
        """End a committed turn; only the first call counts."""
        if not self._record(state, fault):
            return
        if fault is not None:
            self._end(self._profile.error(fault))
        elif state in (State.COMPLETED, State.STOPPED):
            self._end(self._profile.done(finish_reason=self._finish_reason, usage=self._usage))
