"""The phases of a turn, and what each event does in each phase.

Theory of operation. A turn goes one way through four phases, of which it may skip the second:

- OPENING: nothing has been sent to the client. A provider's failure ends one attempt, and the next may do better; only
  when none is left (GIVEN_UP) has the turn failed, and the client gets an HTTP error status. A task asks the routes: an
  end that comes from elsewhere (LEFT, STOP, INTERRUPT) cancels it.
- WAITING: the client has waited so long that it has got its 200 and gets heartbeats, while the task goes on asking as
  before. Whatever fails now is told in an event.
- ANSWERING: the first content has arrived and is on its way to the client. Nothing is retried; any failure ends the
  turn and is reported in an event, since the status has already been sent.
- ENDED: the row is recorded and the provider's connection returned or closed.

Many parties can end a turn, and none knows of the others: the provider, the client, a user who stops it, the watchdog,
the process. The first one counts. Later events find the turn in ENDED, where they do nothing.

`_MOVES` has a cell for everything that can happen. A missing cell can't happen: reaching it is a bug, and raises.
"""

import enum
from typing import NamedTuple

from streaming.models import Completion

State = Completion.State


class Phase(enum.Enum):
    __hash__ = object.__hash__  # Enum's own hash, written in Python, would be most of a move's cost

    OPENING = "opening"
    WAITING = "waiting"
    ANSWERING = "answering"
    ENDED = "ended"


class Event(enum.Enum):
    __hash__ = object.__hash__  # Enum's own is slow, see Phase

    WAITED = "the client has waited long enough"
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
    """The phase that an event leads to. If that is ENDED: the state to record, and the last words."""

    phase: Phase
    state: State | None = None
    words: Words = Words.NONE


class IllegalMove(Exception):  # noqa: N818  # the name says what happened
    """This event can't happen in this phase."""


_AGAIN = Move(Phase.OPENING)
_WAIT = Move(Phase.WAITING)
_ANSWER = Move(Phase.ANSWERING)
_TOO_LATE = None


def _end(state: State, words: Words = Words.NONE) -> Move:
    return Move(Phase.ENDED, state, words)


_MOVES: dict[Phase, dict[Event, Move | None]] = {
    Phase.OPENING: {
        Event.WAITED: _WAIT,
        Event.CONTENT: _ANSWER,
        Event.WHOLE: _end(State.COMPLETED, Words.DONE),  # of an answer that is not streamed
        Event.FAULT: _AGAIN,
        Event.GIVEN_UP: _end(State.FAILED),
        Event.LEFT: _end(State.DISCONNECTED),
        Event.STOP: _end(State.STOPPED, Words.DONE),
        Event.INTERRUPT: _end(State.INTERRUPTED),
        # STALLED, UNREAD: impossible, since nothing has been written yet that could be left unread.
    },
    Phase.WAITING: {
        Event.CONTENT: _ANSWER,
        Event.FAULT: _WAIT,
        Event.GIVEN_UP: _end(State.FAILED, Words.ERROR),
        Event.LEFT: _end(State.DISCONNECTED),
        Event.STALLED: _end(State.DISCONNECTED),
        Event.UNREAD: _end(State.DISCONNECTED, Words.ERROR),
        Event.STOP: _end(State.STOPPED, Words.DONE),
        Event.INTERRUPT: _end(State.INTERRUPTED, Words.ERROR),
        # WAITED: impossible, since it has. WHOLE: impossible, since an answer has content, and others are not streamed.
    },
    Phase.ANSWERING: {
        Event.WHOLE: _end(State.COMPLETED, Words.DONE),
        Event.FAULT: _end(State.FAILED, Words.ERROR),
        Event.LEFT: _end(State.DISCONNECTED),
        Event.STALLED: _end(State.DISCONNECTED),
        Event.UNREAD: _end(State.DISCONNECTED, Words.ERROR),
        Event.STOP: _end(State.STOPPED, Words.DONE),
        Event.INTERRUPT: _end(State.INTERRUPTED, Words.ERROR),
        # WAITED, CONTENT: impossible, since there is only one first content. GIVEN_UP: impossible, no other attempt is
        # made.
    },
    Phase.ENDED: {
        Event.FAULT: _TOO_LATE,
        Event.GIVEN_UP: _TOO_LATE,
        Event.LEFT: _TOO_LATE,
        Event.STALLED: _TOO_LATE,
        Event.UNREAD: _TOO_LATE,
        Event.STOP: _TOO_LATE,
        Event.INTERRUPT: _TOO_LATE,
        # WAITED: impossible, since nobody looks after it any more. CONTENT, WHOLE: impossible, since the provider's
        # connection is closed and delivers nothing more.
    },
}


def move(phase: Phase, event: Event) -> Move | None:
    """What the event does in this phase; None: it came too late. Raises: IllegalMove."""
    try:
        return _MOVES[phase][event]
    except KeyError:
        raise IllegalMove(f"{phase.name}: {event.value}") from None
