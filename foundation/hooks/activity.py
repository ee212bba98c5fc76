"""What a user did in one job of this project, told to the other: the two must not know each other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """`kind` is the teller's word for what was done; `count_between` counts what the user did of it in a span of time.

    `app_id` is the app whose user it is.
    """

    kind: str
    app_id: int
    user_id: str
    occurred_at: datetime
    count_between: Callable[[datetime, datetime], int]


_listeners: list[Callable[[Activity], None]] = []


def listen(listener: Callable[[Activity], None]) -> None:
    """Called in `AppConfig.ready`. The listener runs where the activity is recorded, and may use the database."""
    _listeners.append(listener)


def tell(activity: Activity) -> None:
    for listener in _listeners:
        listener(activity)
