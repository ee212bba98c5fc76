"""The door to providers: what a dialect must implement, and the state that every decoder keeps. Names no vendor.

A dialect is a codec: it turns a request into bytes, and the bytes of an answer into pieces in OpenAI's shape, which
profiles write to clients. It does no I/O and holds no state; a decoder holds the state of one answer.

    decoder = dialect.decoder(max_event_bytes=…)
    for piece in decoder.feed(read):
        …                                   # piece.event is passed on, piece.chunk is its meaning
    decoder.finish()                        # at the end of the body: pieces that it completes
    decoder.fault, decoder.is_done          # the outcome

The texts of a dialect's faults come from the vendor: the caller must redact them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from streaming.wire import assembly, faults, labels, sse, tokens
from streaming.wire.chunks import NULL, Chunk, Usage, decode, holds_content, is_object, readable_parts
from streaming.wire.faults import Fault
from streaming.wire.labels import Form
from streaming.wire.vendors import finishes, general
from streaming.wire.vendors.refusals import finish_of, is_usual
from streaming.wire.vendors.vendor import Vendor


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt asks of a provider. `fields` are those of OpenAI's chat completions, undecoded.

    `api_key` is "" for a provider without a key. `without` names members that the dialect must not add of its own,
    dotted ones inside another (`stream_options.include_usage`), since this provider refuses them.
    """

    base_url: str
    api_key: str
    model: str
    is_stream: bool
    fields: Mapping[str, msgspec.Raw]
    completion_id: str
    without: frozenset[str] = frozenset()
    key_header: str = "authorization"


class Request(NamedTuple):
    """A POST."""

    url: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Answer(NamedTuple):
    """A whole answer. `body` has OpenAI's shape; it is unchanged if the provider uses that shape too."""

    body: bytes
    finish_reason: str
    usage: Usage | None
    has_content: bool = True

    @property
    def chunks(self) -> int:
        return 0

    def in_our_words(self, vendor: Vendor) -> "Answer":
        """With OpenAI's finish reasons. Raises: Fault, if one means that the provider has failed."""
        if is_usual(self.finish_reason, vendor):
            return self
        whole = readable_parts(self.body)
        choices = (whole and whole.choices) or ()
        has_content = holds_content(self.body)
        reasons = [finish_of(choice.finish_reason or "", vendor, has_content=has_content) for choice in choices]
        body = finishes.renamed(self.body, reasons)
        return self._replace(body=body, finish_reason=reasons[0] if reasons else "", has_content=has_content)


class Piece(NamedTuple):
    """One event of the provider, in OpenAI's shape, and its meaning.

    `chunk` is None for an event that we do not understand and pass on unchanged. `has_content` tells whether it holds
    anything that a reader is waiting for: content, or the end of the answer.
    """

    event: sse.Event
    chunk: Chunk | None
    has_content: bool


class Dialect(Protocol):
    """One protocol."""

    @property
    def label(self) -> str:
        """The name that operators see."""

    def request(self, ask: Ask) -> Request:
        """Raises: ValueError, if no request can be made from the route's values."""

    def decoder(self, *, max_event_bytes: int) -> "Decoder": ...

    def answer(self, body: bytes) -> Answer:
        """Parse a whole answer with status 200. Raises: Fault."""

    def refusal(self, body: bytes, *, status: int, retry_after: bytes | None = None) -> Fault:
        """The fault of an answer with another status."""

    def error_in(self, body: bytes) -> Fault | None:
        """The error in a body with status 200; None if the body is not an error."""


class Decoder:
    """Reads one streamed answer, and keeps a summary of it. Subclasses interpret single events.

    Reading ends with the first `fault`, or when `is_done`; bytes after that are ignored. `vendor` is who sends it, and
    says what its finish reasons mean.

    The first bytes tell whether it is a stream at all. JSON is gathered in `body` for `Dialect.answer`, whose result is
    then replayed as a stream.
    """

    __slots__ = (
        "_counted",
        "_form",
        "_is_stream",
        "_max_event_bytes",
        "_parser",
        "_reports",
        "_running",
        "_unfinished_choices",
        "body",
        "chunks",
        "fault",
        "finish_reason",
        "has_content",
        "is_done",
        "vendor",
    )

    def __init__(self, *, max_event_bytes: int) -> None:
        self._parser = sse.Parser(max_event_bytes=max_event_bytes)
        self._max_event_bytes = max_event_bytes
        self._form: Form | None = None
        self._is_stream = False  # the form is known to be EVENTS
        self.body = bytearray()
        self._unfinished_choices: set[int] = set()
        self.vendor: Vendor = general.VENDOR
        self.chunks = 0
        self._counted: Usage | None = None
        # Usage not yet read, since with Ark there is one on every chunk: the newest; the first, and the last but one.
        self._running = NULL
        self._reports: list[msgspec.Raw] = []
        self.finish_reason = ""
        self.has_content = False
        self.is_done = False
        self.fault: Fault | None = None

    @property
    def usage(self) -> Usage | None:
        """The usage so far; None if not known."""
        if self._running is not NULL:
            for raw in (*self._reports, self._running):
                self._count(tokens.read(raw))
            self._running, self._reports = NULL, []
        return self._counted

    @property
    def has_whole_answer(self) -> bool:
        return self.is_done or bool(self.finish_reason and not self._unfinished_choices)

    def feed(self, read: bytes) -> list[Piece]:
        """Feed a read; returns the pieces that end in it, including those before a fault."""
        try:
            if not self._is_stream:
                read = self._events_in(read)
            events = self._parser.feed(read)
        except Fault as err:
            self.fault = err
        except sse.EventTooLarge as err:
            self.fault = faults.too_large(str(err))
        else:
            return self._interpret(events)
        return []

    def _events_in(self, read: bytes) -> bytes:
        """The bytes so far, once they tell that they are events. Raises: Fault, EventTooLarge."""
        if not self.body and read.startswith(b"data:"):
            self._is_stream = True
            return read
        body = self.body
        body += read
        if self._form is None:
            self._form = labels.form_of(body)
            if self._form is Form.EVENTS:
                self._is_stream = True
                self.body = bytearray()
                return bytes(body)
            del body[: labels.silence_of(body)]
        if self._form is Form.MARKUP:
            raise faults.unreadable("HTML or XML instead of a stream")
        if len(body) > self._max_event_bytes:
            raise sse.EventTooLarge(self._max_event_bytes)
        return b""

    def _interpret(self, events: Iterable[sse.Event]) -> list[Piece]:
        pieces: list[Piece] = []
        try:
            for event in events:
                if not self.is_done and event.data:  # otherwise it follows the end, or is a keep-alive
                    pieces += self._pieces_of(event)
        except Fault as err:
            self.fault = err
        except (ValueError, RecursionError) as err:  # JSON of the wrong shape
            self.fault = faults.unreadable(str(err))
        return pieces

    def finish(self) -> list[Piece]:
        """The body has ended, or nothing more comes: an event that lacks only its empty line is complete."""
        try:
            event = None if self.is_done or self.fault else self._parser.unfinished_event()
        except sse.EventTooLarge:
            return []
        return self._interpret([event]) if event is not None and self._is_complete(event) else []

    def replay(self, answer: Answer) -> list[Piece]:
        """The pieces of a whole answer that came instead of a stream."""
        payloads = assembly.chunks_of(answer.body, finish_reason="stop")
        try:
            pieces = [self._noted(sse.bare_event(payload), decode(payload)) for payload in payloads]
        except Fault as err:
            self.fault = err
            return []
        except (ValueError, RecursionError) as err:
            self.fault = faults.unreadable(str(err))
            return []
        self._count(answer.usage)
        self.is_done = True
        return pieces

    def _is_complete(self, event: sse.Event) -> bool:
        """Whether an event is not cut off in its data."""
        return sse.is_json(event.data)

    def _noted(self, event: sse.Event, chunk: Chunk) -> Piece:
        """Take note of an event that is passed on as it is."""
        has_content = self._note(chunk)
        if not has_content and not self.has_content and holds_content(event.data):
            self.has_content = has_content = True
        return Piece(event, chunk, has_content)

    def midway(self, read: bytes) -> Chunk | None:
        """The chunk of a read that is exactly one event in the middle of one choice, to be passed on unchanged.

        None for any other read, which belongs to `feed`. A shortcut for providers whose bytes pass on unchanged, where
        nearly every read is like this; returning None is always correct.
        """
        return None

    def cut(self) -> Fault:
        """The fault of a stream that ends now, before its answer is whole."""
        return faults.truncated(f"ended after {self.chunks} chunks")

    def _pieces_of(self, event: sse.Event) -> Sequence[Piece]:
        """Take note of one event. Raises: Fault, ValueError, RecursionError."""
        raise NotImplementedError

    def _note(self, chunk: Chunk) -> bool:
        """Count the chunk, keep its usage and finish reason; returns whether it holds anything for a reader.

        Raises: Fault, if a finish reason means that the provider has failed.
        """
        self.chunks += 1
        if is_object(chunk.usage):
            self._report(chunk.usage)
        has_content = is_end = False
        for choice in chunk.choices or ():
            if choice.delta is not None and choice.delta.has_content:
                self.has_content = has_content = True
            if choice.finish_reason:
                self.finish_reason = choice.finish_reason
                self.finish_reason = choice.finish_reason = finish_of(
                    choice.finish_reason, self.vendor, has_content=self.has_content
                )
                self._unfinished_choices.discard(choice.index)
                is_end = True
            elif not self.finish_reason:
                self._unfinished_choices.add(choice.index)
        return has_content or is_end

    def _report(self, usage: msgspec.Raw) -> None:
        """The first report may know more than later ones, and the last one may be zeros."""
        if self._running is not NULL:
            self._reports = [*self._reports[:1], self._running]
        self._running = usage

    def _count(self, found: Usage | None) -> None:
        self._counted = tokens.merged(self._counted, found)
