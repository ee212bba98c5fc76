"""What a body is, by its first bytes: gateways send events as JSON, HTML or nothing, and JSON in place of events."""

import enum
import re

_BOM = b"\xef\xbb\xbf"
# A BOM, empty lines, and comments, which are how providers keep a connection open before they know their answer.
_SILENCE = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|:[^\r\n]*(?=[\r\n]))*")
_FIELD = re.compile(rb"(?:data|event|id|retry)[ \t]*:", re.IGNORECASE)


class Form(enum.Enum):
    EVENTS = "server-sent events"
    JSON = "JSON"
    MARKUP = "HTML or XML"


def silence_of(head: bytes | bytearray) -> int:
    """How many bytes at the beginning of a body tell nothing of its form."""
    found = _SILENCE.match(head)
    return found.end() if found else 0


def form_of(head: bytes | bytearray) -> Form | None:
    """The form of a body that begins like this; None if more of it is needed."""
    told = head[silence_of(head) :]
    if not told or told[:1] == b":" or _BOM.startswith(told):
        return None
    if told[:1] in b'{["':
        return Form.JSON
    return Form.MARKUP if told[:1] == b"<" else Form.EVENTS


def told_by(body: bytes) -> bytes:
    """The body without a BOM and comments before it; unchanged if there are none."""
    told = body[silence_of(body) :]
    return body if told == body.lstrip() else told


def is_stream(body: bytes) -> bool:
    """Whether a whole body is a stream of events."""
    return _FIELD.match(body, silence_of(body)) is not None
