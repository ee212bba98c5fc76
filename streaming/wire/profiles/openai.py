"""OpenAI's chat completions, for any of its SDKs: the provider's bytes, minus the usage that was not requested.

We ask every provider for the usage, Ark even for the usage so far on every chunk, and some vendors send it unasked.
LangChain and pydantic-ai add up all that they see, so a client gets what it asked for itself, as OpenAI would send it:

| the provider sends usage     | to who asked for nothing | for `include_usage`               | for it on chunks too |
|------------------------------|--------------------------|-----------------------------------|----------------------|
| in a chunk without choices   | cut                      | one chunk, before [DONE]          | likewise             |
| on chunk after chunk         | cut out of each          | cut out of each; if there is no   | passes               |
|                              |                          | other, one is made before [DONE]  |                      |
| once, on the chunk that ends | passes: it is the        | passes; no other one after it     | passes               |
| the answer                   | provider's own way       |                                   |                      |
| elsewhere (`x_groq.usage` …) | passes, likewise         | passes; one is made before [DONE] | likewise             |

Reference: https://platform.openai.com/docs/api-reference/chat (as collected in 2026).
"""

from typing import Annotated
from uuid import UUID

import msgspec

from streaming.wire import members, sse
from streaming.wire.chunks import NULL, NULL_BYTES, Chunk, Usage, is_object
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
    options = checked.stream_options
    return ChatRequest(
        model=checked.model,
        user_id=checked.user_id,
        is_stream=bool(checked.stream),
        wants_usage=bool(options and options.include_usage),
        wants_chunk_usage=bool(options and (options.chunk_include_usage or options.continuous_usage_stats)),
        fields=fields,
    )


class OpenAIProfile:
    """Passes the provider's events on byte for byte, but for usage: see the table above."""

    heartbeat = sse.OPENAI_HEARTBEAT

    def __init__(self, *, wants_usage: bool, wants_chunk_usage: bool = False) -> None:
        self._wants_usage = wants_usage
        self._wants_chunk_usage = wants_chunk_usage
        self._forget()

    def _forget(self) -> None:
        self._is_running_usage = False  # it comes on chunk after chunk
        self._has_passed_usage = False  # the client has got it, on a chunk of the answer
        self._usage_chunk = b""
        self._newest = b""  # a chunk of the answer, of which a usage chunk takes its head

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        if self._newest or self._usage_chunk:
            self._forget()
        return b""

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        if chunk is None:
            return _passed_on(event)
        if chunk.choices:
            self._newest = event.data
            return _passed_on(event) if self._is_for_client(chunk) else _without_usage(event, chunk.usage)
        if not is_object(chunk.usage):
            return _passed_on(event)
        # `choices: []` crashes clients that read choices[0], so it is for those that know what they asked for.
        self._usage_chunk = _passed_on(event)
        return b""

    def midway(self, read: bytes, chunk: Chunk) -> bytes:
        usage = chunk.usage
        if usage is NULL or len(usage) == NULL_BYTES or self._wants_chunk_usage:
            return read
        self._is_running_usage = True
        return members.event_without_usage(read, usage)

    def done(self, *, finish_reason: str, usage: Usage | None) -> bytes:
        if not self._wants_usage or (self._has_passed_usage and not self._wants_chunk_usage):
            return sse.DONE
        if self._usage_chunk or self._has_passed_usage or usage is None:
            return self._usage_chunk + sse.DONE
        return sse.encode_data(_usage_chunk(self._newest, usage)) + sse.DONE

    def error(self, fault: Fault) -> bytes:
        # No [DONE] after it: the SDKs would take the answer to be complete.
        return sse.encode_data(fault.as_json())

    def _is_for_client(self, chunk: Chunk) -> bool:
        """Whether all of this chunk is; otherwise all but its usage."""
        if not is_object(chunk.usage):
            return True
        is_first = not (self._is_running_usage or self._has_passed_usage)
        if self._wants_chunk_usage or (is_first and _only_ends(chunk)):
            self._has_passed_usage = True
            return True
        self._is_running_usage = True
        return False


def _only_ends(chunk: Chunk) -> bool:
    """Whether it ends the answer and is no part of it."""
    choices = chunk.choices or ()
    return all(choice.finish_reason and not (choice.delta and choice.delta.has_content) for choice in choices)


def _passed_on(event: sse.Event) -> bytes:
    if len(event.block) - len(event.data) <= _BARE_EVENT_BYTES:
        return event.block
    return sse.encode_data(event.data)  # `id:` and `event:` lines break openai-python


def _without_usage(event: sse.Event, usage: msgspec.Raw) -> bytes:
    if len(event.block) - len(event.data) <= _BARE_EVENT_BYTES:
        return members.event_without_usage(event.block, usage)
    return sse.encode_data(members.without_usage(event.data, usage))


class _Head(msgspec.Struct):
    """What all chunks of an answer have in common."""

    id: msgspec.Raw = NULL
    created: msgspec.Raw = NULL
    model: msgspec.Raw = NULL
    service_tier: msgspec.Raw = NULL
    system_fingerprint: msgspec.Raw = NULL


def _usage_chunk(chunk: bytes, usage: Usage) -> bytes:
    """The chunk with which OpenAI ends a stream, where the provider has sent its usage in another way."""
    try:
        head = msgspec.structs.asdict(msgspec.json.decode(chunk, type=_Head))
    except ValueError:
        head = {}
    known = {name: value for name, value in head.items() if value is not NULL}
    end = {"choices": [], "usage": usage.as_openai()}
    return msgspec.json.encode({"object": "chat.completion.chunk", **known, **end})


def _whole(answer: Answer) -> bytes:
    return answer.body


FORMAT = Format(
    name="openai",
    parse=parse,
    profile=lambda ask: OpenAIProfile(wants_usage=ask.wants_usage, wants_chunk_usage=ask.wants_chunk_usage),
    whole=_whole,
)
