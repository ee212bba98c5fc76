"""Which members of a request a refusal blames, whatever the vendor's words for that are.

Vendors say `{"error": {"param": "stream_options"}}`, "Unrecognized request argument supplied: stream_options",
`{"detail": [{"loc": ["body", "stream_options"], …}]}`, "不支持 streamOptions". So the name is looked for in everything
they say, apart from the request that some repeat.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

# Where FastAPI and others repeat the request.
_REPEATS = frozenset({"input", "ctx", "body", "request", "request_body", "received", "url"})
_MAX_DEPTH = 8


def blamed(body: bytes, names: Iterable[str]) -> frozenset[str]:
    """Those of these members that an error's body names. A dotted one is a member of a member.

    If a member of a member is named, it alone is meant: `stream_options.include_usage`, not all of `stream_options`.
    """
    said = " \n".join(_words(body))
    found = {name for name in names if _pattern(name.rpartition(".")[2]).search(said)}
    inner = {name for name in found if "." in name}
    return frozenset(found - {name.partition(".")[0] for name in inner})


def _words(body: bytes) -> Iterator[str]:
    try:
        yield from _texts(msgspec.json.decode(body), 0)
    except (ValueError, RecursionError):
        yield body.decode(errors="replace")


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > _MAX_DEPTH:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (key in _REPEATS and isinstance(item, dict | list)):
                yield key
                yield from _texts(item, depth + 1)


@lru_cache(maxsize=1024)
def _pattern(name: str) -> re.Pattern[str]:
    """The name as a word of its own, in snake case, camel case, or as two words."""
    return re.compile(rf"(?<![A-Za-z0-9_]){re.escape(name).replace('_', '[_ -]?')}(?![A-Za-z0-9_])", re.IGNORECASE)
