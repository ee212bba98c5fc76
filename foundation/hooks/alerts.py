"""What people are told of when it goes wrong: each job registers what it watches, `foundation.alerts` tells people."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from django.utils.functional import Promise

Words: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is bad now.

    `key` names it as long as it lasts: people get one message for a key, reminders while checks go on to yield it, and
    an all-clear when they do not any more. `words` fill the watch's text, `number` is what the threshold is about, and
    `path` is the page where it is mended (`/admin/…`).
    """

    key: str
    path: str
    number: int = 1
    words: Words = field(default_factory=dict)


class NotKnownError(Exception):
    """A check cannot tell now, because what it asks does not answer: what is open stays open, nothing new begins."""


# Gets the rule's threshold and the current time, and yields the causes that are bad by that threshold. It may query the
# database by index only: it runs every half minute, inside a short transaction, in a worker or in a web process.
Check: TypeAlias = Callable[[int, datetime], Iterable[Cause]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """`kind` is a word such as "breaker", at most 32 characters. The texts are lazily translated: every channel has its
    language. `text` and `over` are formatted with the cause's words, `number` and `key`: "%(key)s does not answer".
    """

    kind: str
    title: Promise
    text: Promise
    over: Promise
    check: Check
    threshold: int = 1
    threshold_help: Promise | str = ""


_watches: dict[str, Watch] = {}


def watch(watched: Watch) -> None:
    """Called in `AppConfig.ready`. Its rule appears in the admin by itself."""
    _watches[watched.kind] = watched


def watches() -> dict[str, Watch]:
    return dict(_watches)
