"""Who is measured when."""

import itertools

import pytest

from benchmarks.rounds import order

EVERYONE = ["direct", "nginx", "go", "new", "old"]


@pytest.mark.parametrize("number", range(12))
def test_round_has_everyone_once_and_the_reference_twice_half_a_round_apart(number: int) -> None:
    taken = order(EVERYONE, reference="nginx", number=number)

    assert sorted(taken) == sorted([*EVERYONE, "nginx"])
    first, second = (place for place, name in enumerate(taken) if name == "nginx")
    assert second - first == 3


def test_nobody_is_always_first_nor_always_after_the_same_neighbour() -> None:
    rounds = [order(EVERYONE, reference="nginx", number=number) for number in range(6)]

    assert {taken[0] for taken in rounds} == set(EVERYONE)
    neighbours = {pair for taken in rounds for pair in itertools.pairwise(taken)}
    assert {("new", "old"), ("old", "new")} <= neighbours


def test_without_a_reference_everyone_runs_once() -> None:
    assert order(["a", "b", "c"], reference=None, number=1) == ["b", "a", "c"]
    assert order([], reference=None, number=3) == []


def test_the_reference_stands_around_a_single_other_program() -> None:
    assert order(["new", "old"], reference="old", number=0) == ["old", "new", "old"]
