"""Half a surrogate pair in JSON: what is left of an emoji that a program cut through, mostly written `\\ud83d`.

It is no Unicode text: neither UTF-8 nor PostgreSQL can take it, and JSON parsers differ about it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

# The escapes of one JSON text, in which no half of a pair stands alone.
_PAIRED = re.compile(
    rb"(?:[^\\]++|\\u[dD][89abAB]..\\u[dD][c-fC-F]|\\u(?![dD][89abAB])(?![dD][c-fC-F])|\\[^u])*+", re.DOTALL
)
_HALF = re.compile("[\ud800-\udfff]")


def may_be_in(body: bytes) -> bool:
    """Whether a look at the places is worth it; cheap enough for every request."""
    return (b"\\ud" in body or b"\\uD" in body) and _PAIRED.fullmatch(body) is None


def place_in(body: bytes) -> str | None:
    """The first place with half a pair, like `messages[1].content`; None: there is none, or the body is not JSON."""
    try:
        parsed = json.loads(body.decode("utf-8", "surrogatepass"))
        return next(_places(parsed, ""), None)
    except (ValueError, RecursionError):
        return None


def _places(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        if _HALF.search(value):
            yield place
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            below = ".".join(part for part in (place, _HALF.sub("\ufffd", name)) if part)
            if _HALF.search(name):
                yield below
            yield from _places(item, below)
