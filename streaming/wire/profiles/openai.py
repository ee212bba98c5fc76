"""OpenAI's chat completions, for any of its SDKs: the provider's bytes, minus a usage chunk that was not requested.

Reference: https://platform.openai.com/docs/api-reference/chat (as collected in 2026).
"""

from typing import Annotated
from uuid import UUID

from streaming.wire import sse
from streaming.wire.chunks import Choice, Chunk, Usage
from streaming.wire.dialects.dialect import Answer
from streaming.wire.faults import Fault
from streaming.wire.profiles.chat_request import Body, ChatRequest, Message, NonEmpty, decode, read_fields
from streaming.wire.profiles.profile import Format

# How much longer an event of one data line is than its data: `data: ` or `data:`, and two line ends.
_BARE_EVENT_BYTES = 8


class _OpenAIBody(Body, kw_only=True):
    messages: Annotated[list[Message], NonEmpty]
    model: Annotated[str, NonEmpty]


def parse(body: bytes) -> ChatRequest:
    """The body of `POST /v1/chat/completions`. Raises: Fault 400, which names the parameter."""
    fields = read_fields(body)
    checked = decode(body, _OpenAIBody)
    return ChatRequest(
        model=checked.model,
        user_id=checked.user_id,
        is_stream=bool(checked.stream),
        wants_usage=bool(checked.stream_options and checked.stream_options.include_usage),
        fields=fields,
    )


class OpenAIProfile:
    """Passes the provider's events on byte for byte."""

    heartbeat = sse.OPENAI_HEARTBEAT

    def __init__(self, *, wants_usage: bool) -> None:
        self._wants_usage = wants_usage

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        return b""

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        if chunk is not None and not chunk.choices and chunk.usage is not None and not self._wants_usage:
            return b""  # `choices: []` crashes clients that read choices[0]
        if len(event.block) - len(event.data) <= _BARE_EVENT_BYTES:
            return event.block
        return sse.encode_data(event.data)  # `id:` and `event:` lines break openai-python

    def choice(self, read: bytes, choice: Choice) -> bytes:
        return read

    def done(self, *, finish_reason: str, usage: Usage | None) -> bytes:
        return sse.DONE

    def error(self, fault: Fault) -> bytes:
        # No [DONE] after it: the SDKs would take the answer to be complete.
        return sse.encode_data(fault.as_json())


def _whole(answer: Answer) -> bytes:
    return answer.body


FORMAT = Format(
    name="openai",
    parse=parse,
    profile=lambda ask: OpenAIProfile(wants_usage=ask.wants_usage),
    whole=_whole,
)
