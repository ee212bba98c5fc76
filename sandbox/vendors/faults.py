"""Every way in which a fake provider can misbehave, and the list of faults that were requested.

There are two sorts of faults. An `Instead` replaces the answer; a `Bend` turns the answer's frames into the steps in
which they are sent. Each kind is a class whose fields are its parameters.
"""

import itertools
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, get_args

import msgspec
from msgspec import Meta, Struct, field

from sandbox.vendors.exchange import Exchange, Headers
from sandbox.vendors.refusals import REFUSALS, About, Provider

Target = Literal["chat", "attribution", "conversion", "app_token", "oauth", "accounts", "report"]
MatchKey = Literal["model", "advertiser_id", "event_type", "device_id", "outer_event_id", "page", "data_topic"]
Count = Annotated[int, Meta(ge=0)]
Times = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
Status = Annotated[int, Meta(ge=200, le=599)]

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"


class UnknownFaultError(ValueError):
    """The requested fault does not exist; the message names what is wrong."""


class Vendor(Protocol):
    """What a fault needs to send an error in the vendor's words."""

    def error(self, status: int, code: str | int | None, message: str | None) -> dict[str, Any]:
        """The vendor's error body; where code and message are None, the usual ones for the status."""


class Wire(Protocol):
    """What a fault needs to write into a stream in the vendor's dialect."""

    def content_frame(self, text: str) -> bytes:
        """A streamed chunk with this text."""

    def finish_frame(self, reason: str) -> bytes:
        """The streamed chunk that ends the answer for this reason."""

    def error_frame(self, code: str | int, message: str, *, event: bool = False, inside_chunk: bool = False) -> bytes:
        """A streamed error, as `event: error` or, if requested, inside a chunk that has choices."""


class Pace(Struct):
    """Wait until the next token is due; the next frame follows."""


class Pause(Struct):
    delay_s: float | None  # None: until the client leaves


Step = bytes | Pace | Pause


class Fault(Struct, tag_field="kind", kw_only=True, forbid_unknown_fields=True):
    targets: ClassVar[tuple[Target, ...]] = get_args(Target)
    streams_only: ClassVar[bool] = False

    on: Target
    times: Times | None = None
    match: dict[MatchKey, str | int] = field(default_factory=dict)

    def suits(self, request: dict[str, object]) -> bool:
        return all(str(request.get(key)) == str(wanted) for key, wanted in self.match.items())


class Instead(Fault):
    """Replaces the vendor's answer. `processed`: whether the request takes effect first."""

    processed: ClassVar[bool] = False

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        raise NotImplementedError


class Bend(Fault):
    """Changes how the answer is sent; the base class changes nothing. A plain (not streamed) answer is one frame.

    `headers` are added to the answer; `closes`: the connection is closed in the middle of it."""

    headers: ClassVar[Headers] = ()
    closes: ClassVar[bool] = False

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        return paced(frames)


def paced(frames: Sequence[bytes]) -> Iterator[Step]:
    for frame in frames:
        yield Pace()
        yield frame


# Instead of an answer.


class WithStatus(Instead, tag="status"):
    status: Status
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    code: str | int | None = None
    message: str | None = None

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.body is None:
            await exchange.answer_json(vendor.error(self.status, self.code, self.message), self.status, headers)
        else:
            await exchange.answer(self.status, self.body.encode(), b"text/plain; charset=utf-8", headers)


class RetryAfter(Instead, tag="retry_after"):
    seconds: Count = 1
    code: str | int | None = None
    message: str | None = None

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        headers = [(b"retry-after", b"%d" % self.seconds)]
        await exchange.answer_json(vendor.error(429, self.code, self.message), 429, headers)


class ErrorIn200(Instead, tag="error_in_200"):
    code: str | int
    message: str | None = None

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        await exchange.answer_json(vendor.error(200, self.code, self.message))


class RefusedChat(Instead, tag="refusal"):
    """A chat refused as this provider would; by default over money, which is what most providers have words for."""

    targets = ("chat",)

    vendor: Provider
    about: About = "money"

    def __post_init__(self) -> None:
        if self.about not in REFUSALS[self.vendor]:
            raise ValueError(f"{self.vendor} has no words about {self.about}, only {', '.join(REFUSALS[self.vendor])}")

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        status, body = REFUSALS[self.vendor][self.about]
        await exchange.answer_json(body, status)


class Garbage(Instead, tag="garbage"):
    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        await exchange.answer(200, HTML, b"text/html")


class Redirect(Instead, tag="redirect"):
    location: str
    status: Annotated[int, Meta(ge=300, le=399)] = 302

    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        await exchange.answer(self.status, b"", b"text/html", [(b"location", self.location.encode("latin-1"))])


class ResetBefore(Instead, tag="reset_before"):
    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        await exchange.reset()


class ResetAfter(ResetBefore, tag="reset_after"):
    processed = True


class Hang(Instead, tag="hang"):
    async def answer(self, exchange: Exchange, vendor: Vendor) -> None:
        await exchange.left()


class HangAfter(Hang, tag="hang_after"):
    processed = True


# Bent answers.


class Slow(Bend, tag="slow"):
    delay_s: Seconds

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        for frame in frames:
            yield Pause(self.delay_s)
            yield from paced([frame])


class Huge(Bend, tag="huge"):
    """The vendors write the long text into their answers themselves."""

    bytes: Annotated[int, Meta(ge=1, le=1 << 30)]


class Empty(Bend, tag="empty"):
    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        return iter(())


class ChatBend(Bend):
    targets: ClassVar[tuple[Target, ...]] = ("chat",)


class SlowFirstToken(ChatBend, tag="slow_first_token"):
    delay_s: Seconds

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        yield Pause(self.delay_s)
        yield from paced(frames)


class Stall(ChatBend, tag="stall"):
    after_chunks: Count = 3
    delay_s: Seconds | None = None

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        yield from paced(frames[: self.after_chunks])
        yield Pause(self.delay_s)
        yield from paced(frames[self.after_chunks :])


class Cut(ChatBend, tag="cut"):
    """Of an answer that is no stream, half arrives."""

    targets = ("chat", "oauth", "accounts", "report")
    closes = True

    after_chunks: Count = 3
    mid_chunk: bool = False

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        # Always before the end: an answer with its [DONE] would not be cut.
        whole = min(self.after_chunks, len(frames) - 1)
        yield from paced(frames[:whole])
        if self.mid_chunk:
            yield frames[whole][: len(frames[whole]) // 2]


class Gzip(ChatBend, tag="gzip"):
    headers = ((b"content-encoding", b"gzip"),)

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        gzip = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        yield from paced([gzip.compress(frame) + gzip.flush(zlib.Z_SYNC_FLUSH) for frame in frames])
        yield gzip.flush()


class Bytewise(ChatBend, tag="bytewise"):
    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        for frame in frames:
            yield Pace()
            yield from (frame[i : i + 1] for i in range(len(frame)))


class StreamBend(ChatBend):
    """Needs a stream: a request without one is left alone and does not use up the fault."""

    streams_only = True


class ErrorFrame(StreamBend, tag="error_frame"):
    after_chunks: Count = 3
    code: str | int = "InternalServiceError"
    message: str = "The service encountered an unexpected internal error."
    event: bool = False

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        yield from paced(frames[: min(self.after_chunks, len(frames) - 1)])
        yield wire.error_frame(self.code, self.message, event=self.event)


class ErrorInChunk(StreamBend, tag="error_in_chunk"):
    after_chunks: Count = 3
    code: str | int = "ServerOverloaded"
    message: str = "The provider is overloaded."

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        yield from paced(frames[: min(self.after_chunks, len(frames) - 1)])
        yield wire.error_frame(self.code, self.message, inside_chunk=True)


class HalfCharacter(StreamBend, tag="half_character"):
    closes = True

    after_chunks: Count = 3

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        yield from paced(frames[: min(self.after_chunks, len(frames) - 1)])
        frame = wire.content_frame("河")
        yield frame[: frame.index("河".encode()) + 2]


class Finish(ChatBend, tag="finish"):
    """The answer ends for another reason, such as `network_error`; of a stream, after so many chunks.

    `is_empty`: an answer that is no stream has no content.
    """

    reason: str
    after_chunks: Count = 3
    is_empty: bool = False

    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        if len(frames) == 1:
            answer = msgspec.json.decode(frames[0])
            [choice] = answer["choices"]
            choice["finish_reason"] = self.reason
            if self.is_empty:
                choice["message"]["content"] = ""
            yield from paced([msgspec.json.encode(answer)])
        else:
            kept = frames[: min(self.after_chunks, len(frames) - 2)]
            yield from paced([*kept, wire.finish_frame(self.reason), frames[-1]])


class NoDone(StreamBend, tag="no_done"):
    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        return paced(frames[:-1])


class Keepalives(StreamBend, tag="keepalives"):
    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        for frame in frames:
            yield b": keep-alive\n\ndata:\n\n"
            yield from paced([frame])


class Crlf(StreamBend, tag="crlf"):
    def steps(self, frames: Sequence[bytes], wire: Wire) -> Iterator[Step]:
        # JSON escapes line ends, so these are the stream's own.
        return paced([frame.replace(b"\n", b"\r\n") for frame in frames])


AnyFault = (
    WithStatus | RetryAfter | ErrorIn200 | RefusedChat
    | Garbage | Redirect | ResetBefore | ResetAfter | Hang | HangAfter
    | Slow | Huge | Empty | SlowFirstToken | Stall | Cut | Gzip | Bytewise
    | ErrorFrame | ErrorInChunk | HalfCharacter | Finish | NoDone | Keepalives | Crlf
)  # fmt: skip
_decoder = msgspec.json.Decoder(AnyFault)


def kind_of(fault: Fault) -> str:
    return str(fault.__struct_config__.tag)


class FaultBook:
    """The requested faults, in order."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, body: bytes) -> int:
        """Note the fault that this JSON describes and return its id. Raises: UnknownFaultError."""
        try:
            fault = _decoder.decode(body)
        except msgspec.DecodeError as err:
            raise UnknownFaultError(str(err)) from err
        if fault.on not in fault.targets:
            raise UnknownFaultError(
                f"{kind_of(fault)!r} does not exist on {fault.on!r}, only on {', '.join(fault.targets)}"
            )
        fault_id = next(self._ids)
        self._faults[fault_id] = fault
        return fault_id

    def take(self, on: Target, *, stream: bool = False, **request: object) -> Fault | None:
        """The first fault that applies to this request; one of its uses is spent."""
        for fault_id, fault in self._faults.items():
            if fault.on == on and (stream or not fault.streams_only) and fault.suits(request):
                self._use(fault_id, fault)
                return fault
        return None

    def _use(self, fault_id: int, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times == 0:
            del self._faults[fault_id]

    def remove(self, fault_id: int) -> bool:
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._faults.clear()

    def as_list(self) -> list[dict[str, Any]]:
        return [{"id": fault_id, **msgspec.to_builtins(fault)} for fault_id, fault in self._faults.items()]
