"""How log lines look: text for people, JSON for collectors. Times are ISO 8601 with the offset of `TIME_ZONE`.

The subject of a line (a request, a completion, a conversion) is bound once, where the work begins, and appears in all
lines of that work, whichever module writes them.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.utils import timezone

# The subject of the current work, by the names used in the lines.
_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039  # never mutated, only replaced

# Longer messages (quoted input) are cut: lines are read by people and stored for months.
MAX_MESSAGE_CHARS = 10_000


def bind(**about: str) -> None:
    """Add the subject to all lines of this task, and of tasks that it starts: `bind(completion_id=…)`."""
    _about.set({**_about.get(), **about})


@contextmanager
def about(**facts: str) -> Iterator[None]:
    """`bind` for the duration of a block, for threads and workers, which go on to other work."""
    token = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(token)


class TextFormatter(logging.Formatter):
    """`2026-12-01T08:00:03.152+08:00 WARNING streaming.turns The provider … [completion_id=…]`"""

    def format(self, record: logging.LogRecord) -> str:
        facts = _about.get()
        tail = f" [{' '.join(f'{name}={value}' for name, value in facts.items())}]" if facts else ""
        head = f"{_time_of(record)} {record.levelname} {record.name} {_message_of(record)}{tail}"
        return "\n".join([head, *_tracebacks(self, record)])


class JsonFormatter(logging.Formatter):
    """One object per line: `time`, `level`, `logger`, `message`, its subject, and `traceback` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message_of(record),
            **_about.get(),
        }
        if traceback := "\n".join(_tracebacks(self, record)):
            line["traceback"] = traceback
        return msgspec.json.encode(line).decode()


def _time_of(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, tz=UTC).astimezone(timezone.get_default_timezone())
    return at.isoformat(timespec="milliseconds")


def _message_of(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if len(message) > MAX_MESSAGE_CHARS:
        message = f"{message[:MAX_MESSAGE_CHARS]}… ({len(message)} characters)"
    # Half a surrogate pair, quoted from a request, can be neither printed nor encoded as JSON.
    return message.encode(errors="backslashreplace").decode()


def _tracebacks(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    found = []
    if record.exc_info:
        found.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        found.append(formatter.formatStack(record.stack_info))
    return found
