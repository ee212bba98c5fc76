"""Parley as a dialect."""

from collections.abc import Sequence
from typing import Any

import msgspec

from streaming.wire import faults, sse
from streaming.wire.chunks import Chunk, Usage
from streaming.wire.dialects.dialect import Answer, Ask, Decoder, Piece, Request
from streaming.wire.faults import Fault
from streaming.wire.vendors import refusals
from streaming.wire.vendors.bodies import VendorError
from streaming.wire.vendors.meanings import OUR_MONEY, OVERLOADED, TOO_MANY
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(label="Parley", codes={"purse_empty": OUR_MONEY, "too_loud": TOO_MANY, "hoarse": OVERLOADED})
FINISH_REASONS = {"said_all": "stop", "out_of_breath": "length"}


class _Problem(msgspec.Struct):
    kind: str
    text: str = ""


class _Counts(msgspec.Struct):
    heard: int = 0  # tokens of the prompt
    said: int = 0


class _Event(msgspec.Struct):
    """Everything that any of the events may contain."""

    say: str = ""
    muse: str = ""  # reasoning
    why: str = ""  # why it ended
    counts: _Counts | None = None
    problem: _Problem | None = None


_decode = msgspec.json.Decoder(_Event).decode


class Parley:
    label = "Parley"

    def request(self, ask: Ask) -> Request:
        body = {"voice": ask.model, "lines": ask.fields["messages"], "live": ask.is_stream}
        headers = [(b"x-parley-key", ask.api_key.encode()), (b"content-type", b"application/json")]
        return Request(f"{ask.base_url}/talk", headers, msgspec.json.encode(body))

    def decoder(self, *, max_event_bytes: int) -> "ParleyDecoder":
        return ParleyDecoder(self, max_event_bytes=max_event_bytes)

    def answer(self, body: bytes) -> Answer:
        if (error := self.error_in(body)) is not None:
            raise error
        said = _decode(body)
        counts = said.counts or _Counts()
        usage = Usage(counts.heard, counts.said, counts.heard + counts.said)
        reason = FINISH_REASONS[said.why]
        message = {"role": "assistant", "content": said.say}
        whole = {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": usage,
        }
        return Answer(msgspec.json.encode(whole), reason, usage)

    def refusal(self, body: bytes, *, status: int, retry_after: bytes | None = None) -> Fault:
        return refusals.fault_of(_error(body), VENDOR, status=status, retry_after=retry_after)

    def error_in(self, body: bytes) -> Fault | None:
        error = _error(body)
        return refusals.fault_of(error, VENDOR, status=None) if error.code else None


def _error(body: bytes) -> VendorError:
    try:
        problem = _decode(body).problem
    except ValueError:
        problem = None
    return VendorError(code=problem.kind, words=(problem.kind,), message=problem.text) if problem else VendorError()


class ParleyDecoder(Decoder):
    __slots__ = ("_dialect", "_prompt_tokens")

    def __init__(self, dialect: Parley, *, max_event_bytes: int) -> None:
        super().__init__(max_event_bytes=max_event_bytes)
        self._dialect = dialect
        self._prompt_tokens = 0

    def _pieces_of(self, event: sse.Event) -> Sequence[Piece]:
        said = _decode(event.data)
        match event.event:
            case b"opened":
                self._prompt_tokens = said.counts.heard if said.counts else 0
                return self._pieces(delta={"role": "assistant", "content": ""})
            case b"speech":
                return self._pieces(delta={"content": said.say, "reasoning_content": said.muse})
            case b"closed":
                self.is_done = True
                tokens = said.counts.said if said.counts else 0
                usage = Usage(self._prompt_tokens, tokens, self._prompt_tokens + tokens)
                end = self._pieces(delta={}, finish_reason=FINISH_REASONS[said.why])
                return [*end, self._piece({"choices": [], "usage": usage})]
            case b"problem":
                raise self._dialect.error_in(event.data) or faults.unreadable("a problem of no kind")
        return ()

    def _pieces(self, **choice: Any) -> list[Piece]:
        return [self._piece({"choices": [{"index": 0, "finish_reason": None, **choice}]})]

    def _piece(self, members: dict[str, Any]) -> Piece:
        payload = msgspec.json.encode({"object": "chat.completion.chunk", **members})
        chunk = msgspec.json.decode(payload, type=Chunk)
        event = sse.Event(payload, b"message", b"", sse.encode_data(payload))
        return Piece(event, chunk, self._note(chunk))


DIALECT = Parley()
