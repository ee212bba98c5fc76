"""The door to clients: what a client format has to do. No format is known here.

A format parses the body of a request, and makes a profile for each streamed turn, which writes that turn's events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from streaming.wire import sse
from streaming.wire.chunks import Choice, Chunk, Usage
from streaming.wire.dialects.dialect import Answer
from streaming.wire.faults import Fault
from streaming.wire.profiles.chat_request import ChatRequest


class Profile(Protocol):
    """Writes one streamed turn as its client reads it."""

    @property
    def heartbeat(self) -> bytes:
        """What keeps a silent connection open."""

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        """What comes before everything else; of each attempt, of which only the last one's is sent."""

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        """One event of the provider; `chunk` is None if it is not one that we understand. Raises: ValueError."""

    def choice(self, read: bytes, choice: Choice) -> bytes:
        """A read that is one event with one choice, which goes on: what `chunk` would give, for less."""

    def done(self, *, finish_reason: str, usage: Usage | None) -> bytes:
        """The terminal event of an answer that is whole."""

    def error(self, fault: Fault) -> bytes:
        """The terminal event of one that is not."""


ProfileT = TypeVar("ProfileT", bound=Profile)


@dataclass(frozen=True, kw_only=True)
class Format(Generic[ProfileT]):
    """One client format.

    `parse` raises a Fault 400 that names the parameter. `whole` writes an answer that is not streamed; None for a
    format whose `parse` gives streamed requests only.
    """

    name: str  # as the record has it
    parse: Callable[[bytes], ChatRequest]
    profile: Callable[[ChatRequest], ProfileT]
    whole: Callable[[Answer], bytes] | None
