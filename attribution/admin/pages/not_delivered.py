"""What was not delivered, and why: the send records of each state but `reported`, by reason and last error.

Only the newest records of each state are grouped, found by index, so the page costs the same at any table size.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attribution.admin.pages import formats, links
from attribution.admin.pages.operations import BoundedCount
from attribution.admin.pages.wording import TONES, reason_in_words
from attribution.models import Conversion, State
from attribution.records.filtering import NONE

LOOKED_AT = 5_000
SHOWN_GROUPS = 12
# Errors that begin alike are one error: what follows is ids and times.
ERROR_CHARACTERS = 80
# What may need a person's attention comes first.
STATES = [State.FAILED, State.REJECTED, State.HELD, State.PENDING, State.SKIPPED, State.ORGANIC]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    reason: str
    error: str
    count: str
    newest_at: datetime
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGroups:
    """`oldest_at`: how far back the examined records go."""

    state: str
    name: Any
    tone: str
    total: BoundedCount
    oldest_at: datetime | None
    groups: Sequence[Group]
    left_out: int
    url: str


def look() -> list[StateGroups]:
    return [_look_at(state) for state in STATES]


def _look_at(state: State) -> StateGroups:
    newest = Conversion.objects.filter(state=state, is_test=False).order_by("-received_at")
    rows = list(newest.values_list("reason", "detail", "received_at")[: LOOKED_AT + 1])
    is_more, rows = len(rows) > LOOKED_AT, rows[:LOOKED_AT]
    counts: Counter[tuple[str, str]] = Counter()
    newest_at: dict[tuple[str, str], datetime] = {}
    for reason, detail, received_at in rows:
        key = (reason, detail[:ERROR_CHARACTERS])
        counts[key] += 1
        newest_at.setdefault(key, received_at)
    shown = counts.most_common(SHOWN_GROUPS)
    return StateGroups(
        state=state.value,
        name=state.label,
        tone=TONES[state.value],
        total=BoundedCount(len(rows), is_more=is_more),
        oldest_at=rows[-1][2] if rows else None,
        groups=[_group(state, key, count, newest_at[key]) for key, count in shown],
        left_out=len(counts) - len(shown),
        url=links.records(state=state.value),
    )


def _group(state: State, key: tuple[str, str], count: int, newest_at: datetime) -> Group:
    reason, error = key
    filters: dict[str, Any] = {"reason": reason or NONE, "error": error or NONE}
    return Group(
        reason=reason_in_words(reason),
        error=error,
        count=formats.count(count),
        newest_at=newest_at,
        url=links.records(state=state.value, **filters),
    )
