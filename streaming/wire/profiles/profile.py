"""The door to clients: what a client format must implement. Names no format.

A format parses the body of a request, and makes a profile for each streamed turn, which writes that turn's events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from streaming.wire import sse
from streaming.wire.chunks import Chunk, Usage
from streaming.wire.dialects.dialect import Answer
from streaming.wire.faults import Fault
from streaming.wire.profiles.chat_request import ChatRequest


class Profile(Protocol):
    """Writes one streamed turn in its client's format."""

    @property
    def heartbeat(self) -> bytes:
        """The bytes that keep a silent connection open."""

    def start(self, *, completion_id: UUID, model: str) -> bytes:
        """The bytes before everything else. Called for each attempt, since nothing else of an earlier one was sent, and
        returns the same each time: they are sent once, with the first content or heartbeat."""

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        """Write one event of the provider; `chunk` is None if we do not understand it. Raises: ValueError."""

    def midway(self, read: bytes, chunk: Chunk) -> bytes:
        """Write a read that is one event with one unfinished choice: the result of `chunk`, at a lower cost."""

    def done(self, *, finish_reason: str, usage: Usage | None) -> bytes:
        """The terminal event of a complete answer."""

    def error(self, fault: Fault) -> bytes:
        """The terminal event of an answer that failed."""


ProfileT = TypeVar("ProfileT", bound=Profile)


@dataclass(frozen=True, kw_only=True)
class Format(Generic[ProfileT]):
    """One client format.

    `parse` raises a Fault 400, which names the parameter. `whole` writes an answer that is not streamed; None for a
    format whose `parse` returns streamed requests only.
    """

    name: str  # the name in the record
    parse: Callable[[bytes], ChatRequest]
    profile: Callable[[ChatRequest], ProfileT]
    whole: Callable[[Answer], bytes] | None
