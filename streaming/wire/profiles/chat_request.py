"""A client's request: checked where we read it ourselves, with everything else passed on unchanged.

These are the fields that all client formats share; each format adds its own.
"""

import re
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from foundation.parsing import surrogates
from streaming.wire.faults import Fault, invalid

NonEmpty = msgspec.Meta(min_length=1)
_SHOWN_CHARS = 200  # of a place, whose names are the client's
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
NO_NUL = r"^[^\0]*$"  # PostgreSQL cannot store NUL in a text


class Message(msgspec.Struct):
    role: Annotated[str, NonEmpty]


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None
    chunk_include_usage: bool | None = None  # Ark: the usage so far on every chunk
    continuous_usage_stats: bool | None = None  # vLLM's name for it


class Body(msgspec.Struct, kw_only=True):
    """The fields that we read ourselves. What the others may be is the provider's business: `max_tokens` of -1 means
    "no limit" to some, 4096.0 is a number to most. SDKs send None for "not given".
    """

    model: Annotated[str, NonEmpty] | None = None
    user: Annotated[str, msgspec.Meta(pattern=NO_NUL)] | _Int64 | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None

    @property
    def user_id(self) -> str:
        return "" if self.user is None else str(self.user)


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A request for one turn. `fields` are the body's, undecoded: numbers and unknown parameters stay unchanged."""

    model: str | None
    user_id: str
    is_stream: bool
    wants_usage: bool
    wants_chunk_usage: bool = False
    fields: dict[str, msgspec.Raw]
    conversation: tuple[UUID, str] | None = None  # a stored conversation and the user's new message


T = TypeVar("T")


def read_fields(body: bytes) -> dict[str, msgspec.Raw]:
    """The fields of a JSON object, undecoded; they are valid JSON in valid UTF-8. Raises: Fault 400."""
    if not body.strip():
        raise invalid("The body is empty; it must be a JSON object.", param=None)
    if surrogates.may_be_in(body):
        _refuse_half_pair(body)
    try:
        body.decode()  # msgspec checks only the texts that it decodes
    except UnicodeDecodeError as err:
        _refuse_half_pair(body)
        raise invalid(f"The body is not UTF-8: {err.reason} at byte {err.start}.", param=None) from err
    return decode(body, dict[str, msgspec.Raw])


def decode(body: bytes, kind: type[T]) -> T:
    """Raises: Fault 400, which names the parameter."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as err:
        raise _refusal(str(err)) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise invalid(f"The body is not JSON: {err}", param=None) from err


def _refuse_half_pair(body: bytes) -> None:
    place = surrogates.place_in(body)
    if place is not None:
        shown = place[:_SHOWN_CHARS]
        message = f"'{shown}' holds half a surrogate pair: a character, such as an emoji, was cut in two."
        raise invalid(message, param=shown)


_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(.+?)`")


def _refusal(text: str) -> Fault:
    """Turn msgspec's words (`Expected `str`, got `int` - at `$.messages[0].role``) into a fault with its parameter."""
    at = _AT.search(text)
    place = at.group(1) if at else ""
    missing = _MISSING.search(text)
    if missing:
        param = ".".join(part for part in (place, missing.group(1)) if part)
        return invalid(f"'{param}' is required.", param=param)
    if not place:
        return invalid(f"The body must be a JSON object: {text}.", param=None)
    return invalid(f"'{place}' is wrong: {_AT.sub('', text)}.", param=place)
