"""Paths as clients write them: the commonest mistakes in a base URL lead to the path that was meant."""

import re
from collections.abc import Sequence

_SLASHES = re.compile(r"//+")

# A path, and what is put in its place.
Alias = tuple[re.Pattern[str], str]


def canonical(path: str, aliases: Sequence[Alias]) -> str:
    """The path that is meant: doubled slashes count as one, then the first alias that fits."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    for pattern, replacement in aliases:
        found = pattern.fullmatch(path)
        if found:
            return found.expand(replacement)
    return path
