"""What each job contributes to the overall status: `GET /statusz`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias


class Part(NamedTuple):
    """One part of the status. `facts` are JSON values by names that say their unit."""

    is_ok: bool
    facts: dict[str, Any]


# Gets the current time; may read the database, by index only.
Look: TypeAlias = Callable[[datetime], Part]

_parts: dict[str, Look] = {}


def register(name: str, look: Look) -> None:
    """Call this in `AppConfig.ready`."""
    _parts[name] = look


def parts() -> dict[str, Look]:
    return dict(_parts)
