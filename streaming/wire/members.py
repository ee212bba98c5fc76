"""Cuts a member out of a JSON object, byte for byte: nothing is decoded except to find the place."""

import re

import msgspec

from streaming.wire.chunks import NULL


class _Usage(msgspec.Struct):
    usage: msgspec.Raw = NULL


_decode = msgspec.json.Decoder(_Usage).decode
_KEY = re.compile(rb'"usage"\s*:\s*')
_SPACE = b" \t\r\n"


def event_without_usage(event: bytes, usage: msgspec.Raw) -> bytes:
    """The bytes of an event with one data line, whose JSON object loses its own member `usage`, which has this value.

    This is done to every chunk of Ark's, so the usual place is tried before anything is looked at.
    """
    end = b',"usage":%b}\n\n' % usage
    if event.endswith(end):
        return event[: -len(end)] + b"}\n\n"
    name, colon, value = event.partition(b":")
    return name + colon + without_usage(value, usage)


def without_usage(json_object: bytes, usage: msgspec.Raw) -> bytes:
    """The object without its own member `usage`, whose value these bytes are; space around the object is kept.

    Any `usage` within another member stays, as does one in a text.
    """
    value = bytes(usage)
    for key in _KEY.finditer(json_object):
        if json_object.startswith(value, key.end()):
            rest = _cut(json_object, key.start(), key.end() + len(value))
            if _is_cut(rest):
                return rest
    # Its key is spelt with escapes.
    members = msgspec.json.decode(json_object, type=dict[str, msgspec.Raw])
    del members["usage"]
    inner = json_object.strip(_SPACE)
    return json_object.replace(inner, msgspec.json.encode(members))


def _cut(json_object: bytes, start: int, end: int) -> bytes:
    """The object without these bytes and one of the commas beside them."""
    head, tail = json_object[:start], json_object[end:]
    before, after = head.rstrip(_SPACE), tail.lstrip(_SPACE)
    if before.endswith(b","):
        return before[:-1] + tail
    return head + after[1:].lstrip(_SPACE) if after.startswith(b",") else head + tail


def _is_cut(rest: bytes) -> bool:
    """False if these bytes stood elsewhere: in a member of a member, or in a text."""
    try:
        return _decode(rest).usage is NULL
    except (ValueError, RecursionError):
        return False
