"""Where a turn stands, and what whatever may happen to it does there.

Theory of operation. A turn goes one way through three phases:

- OPENING: nothing has been sent to the client. What goes wrong with a provider is the failure of one attempt, and the
  next may do better; only when none is left (GIVEN_UP) has the turn failed, with an HTTP status of its own. The task
  that opens the turn is waiting: an end that comes from elsewhere (STOP, INTERRUPT) cancels it.
- ANSWERING: the first content has come and is on its way to the client. Nothing is tried again; whatever goes wrong is
  the turn's end, and is told in an event, since the status has been sent.
- ENDED: the row is recorded and the provider's connection given back or closed.

Many parties can end a turn, and none knows of the others: the provider, the client, a user who stops it, the watchdog,
the process. The first one counts. What comes after it meets ENDED, where it is too late and does nothing.

`_MOVES` has a cell for everything that can happen. A cell that is not there can't: to meet it is a bug, and raises.
"""

import enum
from typing import NamedTuple

from streaming.models import Completion

State = Completion.State


class Phase(enum.Enum):
    __hash__ = object.__hash__  # Enum's own, in Python, is most of the price of a move

    OPENING = "opening"
    ANSWERING = "answering"
    ENDED = "ended"


class Event(enum.Enum):
    __hash__ = object.__hash__  # see Phase

    CONTENT = "the first content came"
    WHOLE = "the provider's answer is whole"
    FAULT = "the provider failed, or took too long"
    GIVEN_UP = "no attempt is left"
    LEFT = "the client left"
    STALLED = "the client reads nothing"
    UNREAD = "nobody has come back to read"
    STOP = "the user wants no more"
    INTERRUPT = "the process ends"


class Words(enum.Enum):
    """What the client is told at the end, in the stream."""

    NONE = "nothing"  # nobody is there, or it gets an HTTP status instead
    DONE = "done"
    ERROR = "error"


class Move(NamedTuple):
    """To which phase it leads. If that is ENDED: the state to record, and the last words."""

    phase: Phase
    state: State | None = None
    words: Words = Words.NONE


class IllegalMove(Exception):  # noqa: N818  # says what it is
    """This can't happen in this phase."""


_AGAIN = Move(Phase.OPENING)
_ANSWER = Move(Phase.ANSWERING)
_TOO_LATE = None


def _end(state: State, words: Words = Words.NONE) -> Move:
    return Move(Phase.ENDED, state, words)


_MOVES: dict[Phase, dict[Event, Move | None]] = {
    Phase.OPENING: {
        Event.CONTENT: _ANSWER,
        Event.WHOLE: _end(State.COMPLETED, Words.DONE),  # of an answer that is not streamed
        Event.FAULT: _AGAIN,
        Event.GIVEN_UP: _end(State.FAILED),
        Event.LEFT: _end(State.DISCONNECTED),
        Event.STOP: _end(State.STOPPED, Words.DONE),
        Event.INTERRUPT: _end(State.INTERRUPTED),
        # STALLED, UNREAD: nothing has been written yet that could be left unread.
    },
    Phase.ANSWERING: {
        Event.WHOLE: _end(State.COMPLETED, Words.DONE),
        Event.FAULT: _end(State.FAILED, Words.ERROR),
        Event.LEFT: _end(State.DISCONNECTED),
        Event.STALLED: _end(State.DISCONNECTED),
        Event.UNREAD: _end(State.DISCONNECTED, Words.ERROR),
        Event.STOP: _end(State.STOPPED, Words.DONE),
        Event.INTERRUPT: _end(State.INTERRUPTED, Words.ERROR),
        # CONTENT: there is only one first. GIVEN_UP: no other attempt is made.
    },
    Phase.ENDED: {
        Event.FAULT: _TOO_LATE,
        Event.GIVEN_UP: _TOO_LATE,
        Event.LEFT: _TOO_LATE,
        Event.STALLED: _TOO_LATE,
        Event.UNREAD: _TOO_LATE,
        Event.STOP: _TOO_LATE,
        Event.INTERRUPT: _TOO_LATE,
        # CONTENT, WHOLE: the provider's connection is closed, so nothing comes from there any more.
    },
}


def move(phase: Phase, event: Event) -> Move | None:
    """What the event does in this phase; None: it comes too late. Raises: IllegalMove."""
    try:
        return _MOVES[phase][event]
    except KeyError:
        raise IllegalMove(f"{phase.name}: {event.value}") from None
