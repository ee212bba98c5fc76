"""Group commit: items that gather are written together, and the connection is returned."""

import asyncio

import pytest
from django.db import OperationalError, connection

from foundation.database.group_commit import KEPT_S, GroupCommit, TooManyWaiting


def add_all(commit: GroupCommit[int, int], *items: int) -> list[int | BaseException]:
    """Add the items all at once; returns each one's answer or exception."""

    async def add() -> list[int | BaseException]:
        return await asyncio.gather(*map(commit.add, items), return_exceptions=True)

    return asyncio.run(add())


class Writes:
    """Records which items were written together; answers each item with its double."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        return [2 * item for item in items]


def test_what_gathers_is_written_together() -> None:
    writes = Writes()

    answers = add_all(GroupCommit(writes, name="test", max_waiting=100), *range(10))

    assert answers == [2 * item for item in range(10)]
    assert writes.batches == [list(range(10))]


def test_heavy_items_are_written_apart() -> None:
    writes = Writes()
    commit = GroupCommit(writes, name="test", max_waiting=100, weigh=lambda item: item, max_weight=5)

    add_all(commit, 2, 3, 1, 9, 4)

    assert writes.batches == [[2, 3], [1], [9], [4]]


def test_more_than_may_wait_are_refused() -> None:
    answers = add_all(GroupCommit(Writes(), name="test", max_waiting=2), 1, 2, 3)

    assert answers[:2] == [2, 4]
    assert isinstance(answers[2], TooManyWaiting)


def test_fault_is_raised_for_all_and_the_next_write_goes_on() -> None:
    faults = [ValueError("broken")]

    def write(items: list[int]) -> list[int]:
        if faults:
            raise faults.pop()
        return items

    commit = GroupCommit(write, name="test", max_waiting=100)

    first, second = add_all(commit, 1, 2), add_all(commit, 3)

    assert [str(answer) for answer in first] == ["broken", "broken"]
    assert second == [3]


@pytest.mark.django_db(transaction=True)
def test_connection_is_kept_between_writes_and_given_back_when_nothing_is_left() -> None:
    commit = GroupCommit(_select, name="test", max_waiting=100)

    def is_open() -> bool:
        return commit._thread.submit(lambda: connection.connection is not None).result(10)

    async def write_and_wait() -> list[bool]:
        found = []
        for wait_s in (0, 0.75 * KEPT_S, 0.75 * KEPT_S):  # the second write delays the end
            await asyncio.sleep(wait_s)
            await commit.add(1)
            found.append(is_open())
        await asyncio.sleep(2 * KEPT_S)
        return [*found, is_open()]

    assert asyncio.run(write_and_wait()) == [True, True, True, False]


@pytest.mark.django_db(transaction=True)
def test_dead_connection_is_not_used_again() -> None:
    commit = GroupCommit(_kill, name="test", max_waiting=100)

    first, second = add_all(commit, 1), add_all(commit, 2)

    assert isinstance(first[0], OperationalError)
    assert second == [2]


def _select(items: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return items


def _kill(items: list[int]) -> list[int]:
    """The first item ends its own connection."""
    if items == [1]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return _select(items)
