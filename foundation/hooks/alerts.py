"""Conditions that people are alerted to: each job registers what it watches, and `foundation.alerts` tells people."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from django.utils.functional import Promise

Words: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is bad now.

    `key` identifies it for as long as it lasts: people get one message for a key, reminders while checks keep yielding
    it, and an all-clear once they stop. `words` fill the watch's text, `number` is the value that the threshold applies
    to, and `path` is the page where it can be fixed (`/admin/…`).
    """

    key: str
    path: str
    number: int = 1
    words: Words = field(default_factory=dict)


class NotKnownError(Exception):
    """A check cannot tell, because its source does not answer: open incidents stay open, and no new ones begin."""


# Gets the rule's threshold and the current time, and yields the causes that exceed the threshold. It may query the
# database by index only: it runs every half minute, inside a short transaction, in a worker or in a web process.
Check: TypeAlias = Callable[[int, datetime], Iterable[Cause]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A condition to watch.

    `kind` is a word such as "breaker", at most 32 characters. The texts are lazily translated, since every channel has
    its language. `text` and `over` are formatted with the cause's words, `number` and `key`: "%(key)s does not answer".
    Words are stored when the cause is found and read later, in any language: what has a name in each of them is stored
    as a code, which `name` turns into words.
    """

    kind: str
    title: Promise
    text: Promise
    over: Promise
    check: Check
    threshold: int = 1
    threshold_help: Promise | str = ""
    name: Callable[[Words], Words] = dict


_watches: dict[str, Watch] = {}


def watch(watched: Watch) -> None:
    """Call this in `AppConfig.ready`. Its rule then appears in the admin automatically."""
    _watches[watched.kind] = watched


def watches() -> dict[str, Watch]:
    return dict(_watches)
