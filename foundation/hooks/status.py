"""What each job has to say when somebody asks how the whole is: `GET /statusz`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias


class Part(NamedTuple):
    """`facts`: what JSON can hold, by names that say their unit."""

    is_ok: bool
    facts: dict[str, Any]


# Gets the current time; may read the database, by index only.
Look: TypeAlias = Callable[[datetime], Part]

_parts: dict[str, Look] = {}


def register(name: str, look: Look) -> None:
    """Called in `AppConfig.ready`."""
    _parts[name] = look


def parts() -> dict[str, Look]:
    return dict(_parts)
