"""What a client asks for: checked where it concerns us, everything else passed on as it came."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec

from streaming.wire.faults import Fault, invalid

NonEmpty = msgspec.Meta(min_length=1)
_NO_NUL = r"^[^\0]*$"  # PostgreSQL's texts have none


class _Message(msgspec.Struct):
    role: Annotated[str, NonEmpty]
    content: str | list[dict[str, Any]] | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct, kw_only=True):
    """The fields with a type that is the same for all providers. None is what SDKs send for "not given"."""

    model: Annotated[str, NonEmpty] | None = None
    user: Annotated[str, msgspec.Meta(pattern=_NO_NUL)] | None = None
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


class _AppBody(_Body, kw_only=True):
    messages: Annotated[list[_Message], NonEmpty]
    n: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None  # the events of two answers could not be told apart


class _TurnBody(_Body, kw_only=True):
    n: Annotated[int, msgspec.Meta(ge=1, le=1)] | None = None
    conversation: UUID
    message: Annotated[str, msgspec.Meta(min_length=1, pattern=_NO_NUL)]


class _OpenAIBody(_Body, kw_only=True):
    messages: Annotated[list[_Message], NonEmpty]
    model: Annotated[str, NonEmpty]


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A request for one turn. `fields` are the body's, undecoded: numbers and unknown parameters stay as they came."""

    model: str | None
    user_id: str
    is_stream: bool
    wants_usage: bool
    fields: dict[str, msgspec.Raw]
    conversation: tuple[UUID, str] | None = None  # a stored conversation and the user's new message


def parse_openai(body: bytes) -> ChatRequest:
    """The body of `POST /v1/chat/completions`. Raises: Fault 400 that names the parameter."""
    checked = _decode(body, _OpenAIBody)
    wants_usage = bool(checked.stream_options and checked.stream_options.include_usage)
    return ChatRequest(
        model=checked.model,
        user_id=checked.user or "",
        is_stream=bool(checked.stream),
        wants_usage=wants_usage,
        fields=_decode(body, dict[str, msgspec.Raw]),
    )


def parse_app(body: bytes) -> ChatRequest:
    """The body of `POST /api/chat/`: `messages`, or `conversation` and `message`. Raises: Fault 400 that names the
    parameter."""
    fields = _decode(body, dict[str, msgspec.Raw])
    for name in ("conversation", "message"):
        if bytes(fields.get(name, b"")) == b"null":
            del fields[name]
    checked: _AppBody | _TurnBody
    if "conversation" in fields:
        if "messages" in fields:
            raise invalid("'messages' and 'conversation' exclude each other.", param="messages")
        checked = _decode(body, _TurnBody)
        del fields["conversation"], fields["message"]
    else:
        checked = _decode(body, _AppBody)
    fields.pop("stream_options", None)  # always streamed, always with usage
    return ChatRequest(
        model=checked.model,
        user_id=checked.user or "",
        is_stream=True,
        wants_usage=True,
        fields=fields,
        conversation=(checked.conversation, checked.message) if isinstance(checked, _TurnBody) else None,
    )


def parse_last_event_id(value: str) -> int:
    """The id of the last event that a client has; 0: none. Raises: Fault 400."""
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise invalid(f"Last-Event-ID {value[:50]!r} is not an event id.", param="last_event_id")
    return int(value)


T = TypeVar("T")


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        body.decode()  # msgspec looks at the texts that it decodes only; what is passed on undecoded counts as well
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
        return invalid(f"The body has to be a JSON object: {text}.", param=None)
    return invalid(f"'{place}' is wrong: {_AT.sub('', text)}.", param=place)
