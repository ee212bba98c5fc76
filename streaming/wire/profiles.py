"""The two wire profiles: how a turn's events look to a client. No I/O.

OpenAI: the provider's bytes, for any OpenAI SDK. App: our own typed events with ids, for the app's clients.
"""

from typing import Any, Protocol
from uuid import UUID

import msgspec

from streaming.wire import provider, sse
from streaming.wire.faults import Fault


class Profile(Protocol):
    @property
    def heartbeat(self) -> bytes:
        """What keeps a silent connection open."""

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        """What comes before everything else."""

    def chunk(self, event: sse.Event, chunk: provider.Chunk | None) -> bytes:
        """One event of the provider; `chunk` is None if it is not a chunk that we understand."""

    def choice(self, read: bytes, choice: provider.Choice) -> bytes:
        """A read that is one event with one choice, which goes on: what `chunk` would give, for less."""

    def done(self, *, finish_reason: str, usage: provider.Usage | None) -> bytes:
        """The terminal event of an answer that is whole."""

    def error(self, fault: Fault) -> bytes:
        """The terminal event of one that is not."""


_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode

# An event of one data line is this much longer than its data: `data: ` or `data:`, and two line ends.
_BARE_EVENT_BYTES = 8


class OpenAIProfile:
    """The provider's events byte for byte, without a usage chunk that was not asked for."""

    heartbeat = sse.OPENAI_HEARTBEAT

    def __init__(self, *, wants_usage: bool) -> None:
        self._wants_usage = wants_usage

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        return b""

    def chunk(self, event: sse.Event, chunk: provider.Chunk | None) -> bytes:
        if chunk is not None and not chunk.choices and chunk.usage is not None and not self._wants_usage:
            return b""  # `choices: []` crashes clients that read choices[0]
        if len(event.block) - len(event.data) <= _BARE_EVENT_BYTES:
            return event.block
        return sse.encode_data(event.data)  # `id:` and `event:` lines break openai-python

    def choice(self, read: bytes, choice: provider.Choice) -> bytes:
        return read

    def done(self, *, finish_reason: str, usage: provider.Usage | None) -> bytes:
        return sse.DONE

    def error(self, fault: Fault) -> bytes:
        # No [DONE] after it: the SDKs would take the answer for whole.
        return sse.encode_data(fault.as_json())


class AppProfile:
    """`start`, `delta`, `reasoning`, `tool_call`, and one of `done` and `error`; every event has an id."""

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
        self.last_id = 0  # another attempt: nothing of the one before was sent
        return self._event(b"start", {"id": completion_id, "model": model, "resumable": self.is_resumable})

    def chunk(self, event: sse.Event, chunk: provider.Chunk | None) -> bytes:
        if chunk is None:
            return b""
        return b"".join([self._delta(choice.delta) for choice in chunk.choices or () if choice.delta is not None])

    def choice(self, read: bytes, choice: provider.Choice) -> bytes:
        return b"" if choice.delta is None else self._delta(choice.delta)

    def done(self, *, finish_reason: str, usage: provider.Usage | None) -> bytes:
        return self._event(b"done", {"finish_reason": finish_reason, "usage": usage})

    def error(self, fault: Fault) -> bytes:
        return self._event(b"error", fault.as_app())

    def _delta(self, delta: provider.Delta) -> bytes:
        # First of all what may fail: an event that is numbered and not sent is a gap that nobody can resume over.
        tool_calls = () if provider.is_null(delta.tool_calls) else _decode_list(delta.tool_calls)
        events = b""
        if delta.reasoning_text:
            self._keep(self.reasoning, delta.reasoning_text)
            events += self._event(b"reasoning", {"text": delta.reasoning_text})
        if delta.content:
            self._keep(self.text, delta.content)
            events += self._event(b"delta", {"text": delta.content})
        for tool_call in tool_calls:
            events += self._event(b"tool_call", tool_call)
        return events

    def _keep(self, pieces: list[str], piece: str) -> None:
        if self._keeps_text:
            pieces.append(piece)

    def _event(self, name: bytes, payload: Any) -> bytes:
        self.last_id += 1
        return sse.encode_event(self.last_id, name, msgspec.json.encode(payload))
