"""One streamed turn: from a checked request to the last byte, over the routes of its model.

    relay = Relay(plan, profile)
    await relay.open()            # up to the first content, or until the client has waited long: raises Fault
    DrivenResponse(relay)         # from then on everything is pushed: read → observe → write, in one callback

1. `open` asks one route after another. Before the first content nothing is sent to the client, so a fault can still be
   retried, and the client gets a real HTTP status.
2. A client that has waited for `CHAT_HEARTBEAT_S` gets its 200 and heartbeats. What an attempt sends before its first
   content is still held back, so the next route can take its place; what fails in the end is told in an event.
3. From the first content on, the turn is answering. Each read of the upstream's socket is decoded and written to the
   client on the spot; a stream has no task, queue or timer of its own: `watchdog.py` handles the timeouts and
   heartbeats of all streams.
4. The turn ends once (phases.py): with the provider's end, a fault, a client that left or does not read, or the end of
   the process. The upstream is closed, the last event is sent if anyone is there to read it, and the row is recorded.

If the process is killed: the client sees its connection break without a terminal event; the row stays `streaming` until
the sweep marks it interrupted.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from django.conf import settings

from foundation.serving.driven import Outbox
from streaming.catalogue import timeouts
from streaming.catalogue.catalogue import ServedRoute
from streaming.turns.attempt import StreamedAttempt
from streaming.turns.client import Client
from streaming.turns.phases import Event, Phase, State, Words
from streaming.turns.turn import STOP_REQUESTED, Plan, Turn
from streaming.upstream import UpstreamError
from streaming.wire import faults
from streaming.wire.dialects.dialect import Piece
from streaming.wire.faults import Fault
from streaming.wire.profiles.profile import Profile

logger = logging.getLogger(__name__)


class Relay(Turn[StreamedAttempt]):
    """A turn that streams: the receiver of the upstream's body (`upstream.BodyReceiver`) and the source of the
    response (`foundation.serving.driven.Source`)."""

    def __init__(self, plan: Plan, profile: Profile, client: Client | None = None) -> None:
        super().__init__(plan)
        self._profile = profile
        self._client = client or Client()
        self._read_at = time.monotonic()
        self._timeouts = timeouts.AS_SET  # those of the route that is asked
        self._held_back = b""  # what the attempt has sent before its first content

    async def _try(self, route: ServedRoute) -> None:
        attempt = StreamedAttempt(route)
        self._begin(attempt)
        self._held_back = b""
        start = self._profile.start(completion_id=self.completion.id, model=self.completion.chat_model)
        if self.completion.attempts == 1:
            self._client.hold(start)
        self._timeouts = allowed = route.timeouts
        left_s = self._began_at + allowed.total_s - time.monotonic()
        try:
            async with asyncio.timeout(min(allowed.first_content_s, left_s)) as attempt.deadline:
                response = await attempt.ask(
                    self._plan.fields, completion_id=str(self.completion.id), is_stream=self.completion.is_stream
                )
                response.deliver_to(self)
                await attempt.first_content
        except TimeoutError as err:
            if self._is_answering:  # the content arrived at that very moment
                return
            if left_s < allowed.first_content_s:
                raise faults.total_timeout(allowed.total_s) from err
            raise faults.first_content_timeout(allowed.first_content_s) from err
        finally:
            attempt.deadline = None

    @property
    def _is_answering(self) -> bool:
        """Whether content has been sent, or is about to be."""
        return self._phase is not Phase.OPENING and self._phase is not Phase.WAITING

    # --- The upstream's side (upstream.BodyReceiver) ------------------------------------------------------------------

    def body_received(self, read: bytes) -> None:
        self._read_at = now = time.monotonic()
        attempt = self._attempt
        if attempt is None:
            return
        try:
            chunk = attempt.decoder.midway(read)
            if chunk is None:  # one read in hundreds
                self._observe(attempt, attempt.decoder.feed(read))
            elif out := self._profile.midway(read, chunk):
                self._client.write(out, now)
        except (ValueError, RecursionError) as err:  # JSON of the wrong shape
            self._fail(faults.unreadable(str(err)))
        except Exception:
            logger.exception("The turn %s broke off", self.completion.id)
            self.break_off()

    def _observe(self, attempt: StreamedAttempt, pieces: Sequence[Piece]) -> None:
        """Take note of the events that have come to their end, and write the client's part of them."""
        decoder = attempt.decoder
        out: list[bytes] = []
        has_content = False
        fault: Fault | None = None
        try:
            for piece in pieces:
                out.append(self._profile.chunk(piece.event, piece.chunk))
                has_content = has_content or piece.has_content
        except (ValueError, RecursionError) as err:  # JSON of the wrong shape; what came before it is sent
            fault = faults.unreadable(str(err))
        if not self._is_answering:
            attempt.show_life()
            if has_content:
                self._commit(attempt)
        self._pass_on(b"".join(out))  # includes events before the fault; not copied if it is one event
        fault = fault or decoder.fault
        if fault is not None:
            self._fail(attempt.judged(fault))
        elif decoder.is_done:
            self._upstream_ended(attempt)

    def _pass_on(self, out: bytes) -> None:
        if not self._is_answering:
            self._held_back += out
        elif out := self._held_back + out:
            self._held_back = b""
            self._client.write(out, self._read_at)

    def body_ended(self) -> None:
        self._body_over(None)

    def body_failed(self, error: UpstreamError) -> None:
        self._body_over(faults.truncated(str(error)))

    def _body_over(self, fault: Fault | None) -> None:
        """Once the whole answer has arrived, it does not matter how the connection ended."""
        attempt = self._attempt
        if attempt is None:
            return
        attempt.let_go()
        self._observe(attempt, attempt.last_pieces())
        if fault is None or attempt.decoder.has_whole_answer:
            self._upstream_ended(attempt)
        else:
            self._fail(fault)

    def _commit(self, attempt: StreamedAttempt) -> None:
        """The first content has arrived: from here on nothing is retried."""
        self._meet(Event.CONTENT)
        if attempt.decoder.has_content:  # otherwise it is only the end of an empty answer
            self.completion.first_content_ms = self._elapsed_ms()
        if not attempt.first_content.done():
            attempt.first_content.set_result(None)

    def _upstream_ended(self, attempt: StreamedAttempt) -> None:
        if self._phase is Phase.ANSWERING and attempt.decoder.has_whole_answer:
            self._meet(Event.WHOLE)
        else:
            self._fail(attempt.judged(attempt.decoder.cut()))

    def _fail(self, fault: Fault) -> None:
        """Before the first content this fails the attempt, which `open` learns of; after it, the turn."""
        if self._is_answering:
            self._meet(Event.FAULT, fault)
        elif self._attempt is not None and not self._attempt.first_content.done():
            self._attempt.close()
            self._attempt.first_content.set_exception(fault)

    def break_off(self) -> None:
        """Nobody else would end the turn, and its client waits."""
        self._fail(faults.internal())

    # --- The client's side (foundation.serving.driven.Source) ---------------------------------------------------------

    def drive(self, outbox: Outbox) -> None:
        self._client.drive(outbox)
        if self._phase is Phase.WAITING:
            self._client.keep_open(self._profile.heartbeat, time.monotonic())

    def writable(self, is_writable: bool) -> None:
        now = time.monotonic()
        self._client.stalled_since = None if is_writable else now
        self._client.wrote_at = self._read_at = now
        if self._attempt is None:
            return
        if is_writable:
            self._attempt.resume()
        else:
            self._attempt.pause()

    def client_left(self) -> None:
        self._meet(Event.LEFT)

    def _say(self, words: Words, fault: Fault | None) -> None:
        if words is Words.ERROR and fault is not None:
            self._client.end(self._profile.error(fault))
        elif words is Words.DONE:
            self._client.end(self._done())
        else:
            self._client.end_unsaid()

    def _done(self) -> bytes:
        heard = self._attempt.decoder if self._attempt is not None else None
        is_stopped = self.completion.state == State.STOPPED
        return self._profile.done(
            finish_reason=STOP_REQUESTED if is_stopped or heard is None else heard.finish_reason,
            usage=heard.usage if heard is not None else None,
        )

    # --- Time ---------------------------------------------------------------------------------------------------------

    def look_after(self, now: float) -> None:
        """Timeouts and heartbeats."""
        if self._phase is Phase.ENDED:
            return
        client, allowed = self._client, self._timeouts
        if client.stalled_since is not None:
            if now - client.stalled_since > settings.WRITE_TIMEOUT_S:
                self._give_up_client()
        elif self._is_timed and now - self._began_at > allowed.total_s:
            self._fail(faults.total_timeout(allowed.total_s))
        elif self._is_timed and now - self._read_at > allowed.idle_s:
            self._idled(allowed.idle_s)
        elif self._phase is Phase.OPENING:
            if now - self._began_at > settings.CHAT_HEARTBEAT_S:
                self._meet(Event.WAITED)
        elif now - client.wrote_at > settings.CHAT_HEARTBEAT_S:
            client.keep_open(self._profile.heartbeat, now)

    @property
    def _is_timed(self) -> bool:
        """Whether the idle and total timeouts apply; until then an attempt watches its time itself."""
        return self._is_answering or (self._attempt is not None and self._attempt.is_alive)

    def _idled(self, timeout_s: float) -> None:
        attempt = self._attempt
        if attempt is not None:
            self._observe(attempt, attempt.last_pieces())
        if self._phase is Phase.ANSWERING and attempt is not None and attempt.decoder.has_whole_answer:
            self._meet(Event.WHOLE)
        else:
            self._fail(faults.idle_timeout(timeout_s))

    def _give_up_client(self) -> None:
        self._meet(Event.STALLED, Fault("client_stalled", "The client read nothing.", status=408))
        self._client.abort()
