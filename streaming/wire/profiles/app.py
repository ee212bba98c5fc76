"""Our own format for an app's clients: typed events with ids, from which a client may resume. Always streamed.

Reference: docs/app-profile.md.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec

from streaming.wire import sse
from streaming.wire.chunks import NULL, Chunk, Delta, Usage, says_nothing
from streaming.wire.faults import Fault, invalid
from streaming.wire.profiles.chat_request import NO_NUL, Body, ChatRequest, Message, NonEmpty, decode, read_fields
from streaming.wire.profiles.profile import Format

_One = Annotated[float, msgspec.Meta(ge=1, le=1)]  # events of two answers could not be told apart

_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _AppBody(Body, kw_only=True):
    messages: Annotated[list[Message], NonEmpty]
    n: _One | None = None


class _TurnBody(Body, kw_only=True):
    n: _One | None = None
    conversation: UUID
    message: Annotated[str, msgspec.Meta(min_length=1, pattern=NO_NUL)]


def parse(body: bytes) -> ChatRequest:
    """The body of `POST /api/chat/`: `messages`, or `conversation` and `message`.

    Raises: Fault 400, which names the parameter.
    """
    fields = read_fields(body)
    for name in ("conversation", "message"):
        if bytes(fields.get(name, b"")) == b"null":
            del fields[name]
    checked: _AppBody | _TurnBody
    if "conversation" in fields:
        if "messages" in fields:
            raise invalid("Send either 'messages' or 'conversation', not both.", param="messages")
        checked = decode(body, _TurnBody)
        del fields["conversation"], fields["message"]
    else:
        checked = decode(body, _AppBody)
    fields.pop("stream_options", None)  # always streamed, always with usage
    return ChatRequest(
        model=checked.model,
        user_id=checked.user_id,
        is_stream=True,
        wants_usage=True,
        fields=fields,
        conversation=(checked.conversation, checked.message) if isinstance(checked, _TurnBody) else None,
    )


def parse_last_event_id(value: str) -> int:
    """The id of the last event that the client has; 0: none. Raises: Fault 400."""
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise invalid(f"Last-Event-ID {value[:50]!r} is not an event id.", param="last_event_id")
    return int(value)


class AppProfile:
    """`start`, `delta`, `reasoning`, `tool_call`, and one of `done` and `error`; every event has an id.

    Content of other kinds (images, audio) has no event: its client sees heartbeats until there is text again.
    """

    heartbeat = sse.APP_HEARTBEAT

    def __init__(self, *, keeps_text: bool) -> None:
        self._keeps_text = keeps_text
        self.last_id = 0
        self.is_resumable = False
        self.text: list[str] = []
        self.reasoning: list[str] = []

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        self.text.clear()
        self.reasoning.clear()
        self.last_id = 0  # a new attempt: nothing of the previous one was sent
        return self._event(b"start", {"id": completion_id, "model": model, "resumable": self.is_resumable})

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        if chunk is None:
            return b""
        return b"".join([self._delta(choice.delta) for choice in chunk.choices or () if choice.delta is not None])

    def midway(self, read: bytes, chunk: Chunk) -> bytes:
        delta = chunk.choices[0].delta if chunk.choices else None
        return b"" if delta is None else self._delta(delta)

    def done(self, *, finish_reason: str, usage: Usage | None) -> bytes:
        return self._event(b"done", {"finish_reason": finish_reason, "usage": usage})

    def error(self, fault: Fault) -> bytes:
        return self._event(b"error", fault.as_app())

    def _delta(self, delta: Delta) -> bytes:
        # Do what may fail first: an event that is numbered but not sent would be a gap that nobody can resume across.
        has_calls = delta.tool_calls is not NULL or delta.function_call is not NULL
        tool_calls = _tool_calls_of(delta) if has_calls else ()
        thoughts, text = delta.thoughts, delta.text
        events = b""
        if thoughts:
            self._keep(self.reasoning, thoughts)
            events += self._event(b"reasoning", {"text": thoughts})
        if text:
            self._keep(self.text, text)
            events += self._event(b"delta", {"text": text})
        for tool_call in tool_calls:
            events += self._event(b"tool_call", tool_call)
        return events

    def _keep(self, pieces: list[str], piece: str) -> None:
        if self._keeps_text:
            pieces.append(piece)

    def _event(self, name: bytes, payload: Any) -> bytes:
        self.last_id += 1
        return sse.encode_event(self.last_id, name, msgspec.json.encode(payload))


def _tool_calls_of(delta: Delta) -> Sequence[msgspec.Raw | dict[str, Any]]:
    """Raises: ValueError."""
    if not says_nothing(delta.tool_calls):
        return _decode_list(delta.tool_calls)
    if not says_nothing(delta.function_call):
        return ({"index": 0, "type": "function", "function": delta.function_call},)
    return ()


FORMAT = Format(
    name="app",
    parse=parse,
    profile=lambda ask: AppProfile(keeps_text=ask.conversation is not None),
    whole=None,
)
