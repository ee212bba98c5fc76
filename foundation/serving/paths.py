"""Paths as clients write them: the most common mistakes in a base URL still lead to the intended path."""

import re
from collections.abc import Sequence

_SLASHES = re.compile(r"//+")

# A path, and its replacement.
Alias = tuple[re.Pattern[str], str]


def canonical(path: str, aliases: Sequence[Alias]) -> str:
    """The intended path: repeated slashes become one, then the first matching alias is applied."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    for pattern, replacement in aliases:
        found = pattern.fullmatch(path)
        if found:
            return found.expand(replacement)
    return path
