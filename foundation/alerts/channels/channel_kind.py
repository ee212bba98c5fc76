"""What every kind of channel has in common: its interface, the message it sends, and how it fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to send: a URL, or recipients of e-mail. `secret` signs, if the channel signs and one was given."""

    url: str = ""
    secret: str = ""
    recipients: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, in the channel's language. `id` stays the same when it is sent again; `facts` are for machines."""

    id: str
    title: str
    text: str
    facts: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """`send` sends within `posting.TOTAL_S` and returns what the channel answered; it raises NotSentError.

    `max_bytes`: the longest text that it takes, in UTF-8. `signs`: it may have a secret.
    """

    slug: str
    title: Promise
    send: Callable[[Address, Message, datetime], str]
    max_bytes: int
    signs: bool = False
    is_email: bool = False


class NotSentError(Exception):
    """As far as can be known it was not sent. The exception's text is the channel's answer, or what went wrong.

    `retry_after_s`: how long the channel wants to be left alone; None: it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
