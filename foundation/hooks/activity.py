"""Passes on what a user did in one job to the other, since the two must not import each other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something a user did.

    `kind` is the telling job's word for it; `count_between` counts how often the user did it in a span of time.
    `app_id` is the user's app.
    """

    kind: str
    app_id: int
    user_id: str
    occurred_at: datetime
    count_between: Callable[[datetime, datetime], int]


_listeners: list[Callable[[Activity], None]] = []


def listen(listener: Callable[[Activity], None]) -> None:
    """Call this in `AppConfig.ready`. The listener runs where the activity is recorded, and may use the database."""
    _listeners.append(listener)


def tell(activity: Activity) -> None:
    for listener in _listeners:
        listener(activity)
