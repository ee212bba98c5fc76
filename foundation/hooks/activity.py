"""What a user did in one app of this project, told to whoever wants to know: the apps must not know each other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """`kind` is a word such as "chat"; `count_between` counts the user's activities of this kind in a span of time."""

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
