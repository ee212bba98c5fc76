"""A user gets another id, or is erased: both jobs do it with their own rows.

Neither job knows the other's tables, and only one of them knows which ids are one user's.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """Everything of `previous_id` belongs to `user_id` from now on.

    `has_chats_without_app`: chats that came with a token of no app are the user's as well.
    """

    app_id: int
    previous_id: str
    user_id: str
    has_chats_without_app: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """The user of these ids is erased: what came until `until` keeps nothing personal, and counts for `anonymous_id`.

    `has_chats_without_app`: as in `Renaming`.
    """

    app_id: int
    user_ids: frozenset[str]
    anonymous_id: str
    has_chats_without_app: bool
    until: datetime


# How many rows of each kind were changed, by the kind's plural.
Counts: TypeAlias = Mapping[str, int]
# Runs in the transaction of the renaming, and may be called again for late rows.
Renamer = Callable[[Renaming], Counts]
# Commits in batches by itself. It may be stopped anywhere and called again.
Eraser = Callable[[Erasing], Counts]

_renamers: list[Renamer] = []
_erasers: list[Eraser] = []


def register(*, rename: Renamer, erase: Eraser) -> None:
    """Call this in `AppConfig.ready`."""
    _renamers.append(rename)
    _erasers.append(erase)


def rename(renaming: Renaming) -> Counts:
    counts: Counter[str] = Counter()
    for each in _renamers:
        counts.update(each(renaming))
    return counts


def erase(erasing: Erasing) -> Counts:
    counts: Counter[str] = Counter()
    for each in _erasers:
        counts.update(each(erasing))
    return counts
