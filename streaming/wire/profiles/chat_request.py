"""A client's request: checked where it concerns us, with everything else passed on unchanged.

These are the fields that all client formats share; each format adds its own.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec

from streaming.wire.faults import Fault, invalid

NonEmpty = msgspec.Meta(min_length=1)
NO_NUL = r"^[^\0]*$"  # PostgreSQL cannot store NUL in a text


class Message(msgspec.Struct):
    role: Annotated[str, NonEmpty]
    content: str | list[dict[str, Any]] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Body(msgspec.Struct, kw_only=True):
    """The fields whose type is the same for all providers. SDKs send None for "not given"."""

    model: Annotated[str, NonEmpty] | None = None
    user: Annotated[str, msgspec.Meta(pattern=NO_NUL)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tools: list[dict[str, Any]] | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A request for one turn. `fields` are the body's, undecoded: numbers and unknown parameters stay unchanged."""

    model: str | None
    user_id: str
    is_stream: bool
    wants_usage: bool
    fields: dict[str, msgspec.Raw]
    conversation: tuple[UUID, str] | None = None  # a stored conversation and the user's new message


T = TypeVar("T")


def decode(body: bytes, kind: type[T]) -> T:
    """Raises: Fault 400, which names the parameter."""
    try:
        body.decode()  # msgspec checks only the texts that it decodes; undecoded fields must be valid UTF-8 as well
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as err:
        raise _refusal(str(err)) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise invalid(f"The body is not JSON: {err}", param=None) from err


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
