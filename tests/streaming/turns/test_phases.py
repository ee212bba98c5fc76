"""Every cell of the table of phases: the effect of each event in each phase of a turn."""

from itertools import product

import pytest

from streaming.turns import phases
from streaming.turns.phases import Event, IllegalMove, Move, Phase, State, Words

OPENING, WAITING, ANSWERING, ENDED = Phase
TOO_LATE = None
ILLEGAL = "illegal"

Cell = Move | str | None

# One row per event: while the turn opens, while its client waits, while it answers, after its end.
CELLS: dict[Event, tuple[Cell, ...]] = {
    Event.WAITED: (Move(WAITING), ILLEGAL, ILLEGAL, ILLEGAL),
    Event.CONTENT: (Move(ANSWERING), Move(ANSWERING), ILLEGAL, ILLEGAL),
    Event.WHOLE: (
        Move(ENDED, State.COMPLETED, Words.DONE),
        ILLEGAL,
        Move(ENDED, State.COMPLETED, Words.DONE),
        ILLEGAL,
    ),
    Event.FAULT: (Move(OPENING), Move(WAITING), Move(ENDED, State.FAILED, Words.ERROR), TOO_LATE),
    Event.GIVEN_UP: (Move(ENDED, State.FAILED), Move(ENDED, State.FAILED, Words.ERROR), ILLEGAL, TOO_LATE),
    Event.LEFT: (*[Move(ENDED, State.DISCONNECTED)] * 3, TOO_LATE),
    Event.STALLED: (ILLEGAL, *[Move(ENDED, State.DISCONNECTED)] * 2, TOO_LATE),
    Event.UNREAD: (ILLEGAL, *[Move(ENDED, State.DISCONNECTED, Words.ERROR)] * 2, TOO_LATE),
    Event.STOP: (*[Move(ENDED, State.STOPPED, Words.DONE)] * 3, TOO_LATE),
    Event.INTERRUPT: (
        Move(ENDED, State.INTERRUPTED),
        *[Move(ENDED, State.INTERRUPTED, Words.ERROR)] * 2,
        TOO_LATE,
    ),
}


@pytest.mark.parametrize(("event", "phase"), list(product(Event, Phase)), ids=lambda each: each.name)
def test_cell(event: Event, phase: Phase) -> None:
    expected = CELLS[event][list(Phase).index(phase)]

    if expected == ILLEGAL:
        with pytest.raises(IllegalMove, match=event.value):
            phases.move(phase, event)
    else:
        assert phases.move(phase, event) == expected


def test_turn_goes_one_way() -> None:
    order = list(Phase)

    moves = [(phase, phases.move(phase, event)) for phase, event in product(Phase, Event) if _is_legal(phase, event)]

    assert all(order.index(move.phase) >= order.index(phase) for phase, move in moves if move is not None)


def test_every_end_is_recorded() -> None:
    moves = [phases.move(phase, event) for phase, event in product(Phase, Event) if _is_legal(phase, event)]

    assert all((move.phase is ENDED) == (move.state is not None) for move in moves if move is not None)
    assert {move.state for move in moves if move and move.state} == set(State) - {State.STREAMING}


def _is_legal(phase: Phase, event: Event) -> bool:
    return CELLS[event][list(Phase).index(phase)] != ILLEGAL
