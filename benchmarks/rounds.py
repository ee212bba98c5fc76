"""The order in which programs are measured. Pure."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def order(everyone: Sequence[T], *, reference: T | None, number: int) -> list[T]:
    """One round: everyone once, the reference twice and half a round apart.

    Even rounds (from 0) run forwards and odd ones backwards, and each begins at another place. So over the rounds
    nobody always goes first, and nobody always follows the same neighbour.
    """
    circle = [one for one in everyone if one != reference]
    if reference is not None:
        circle.insert((len(circle) + 1) // 2, reference)
        circle.insert(0, reference)
    first = (number // 2 + number % 2 * (len(circle) // 2)) % max(len(circle), 1)
    turned = [*circle[first:], *circle[:first]]
    return [*turned[:1], *turned[:0:-1]] if number % 2 else turned
