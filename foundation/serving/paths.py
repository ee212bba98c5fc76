"""Paths as clients write them: the most common mistakes in a base URL still lead to the intended path."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.urls import Resolver404, resolve

_SLASHES = re.compile(r"//+")

# A path, and its replacement.
Alias = tuple[re.Pattern[str], str]


View = TypeVar("View", bound=Callable[..., object])


def for_unknown_paths(view: View) -> View:
    """Mark a view that answers where there is nothing."""
    view.is_for_unknown_paths = True  # type: ignore[attr-defined]  # like Django's `csrf_exempt`
    return view


def exists(path: str) -> bool:
    try:
        match = resolve(path)
    except Resolver404:
        return False
    return not getattr(match.func, "is_for_unknown_paths", False)


def with_slash(path: str) -> str | None:
    """The existing path that only lacks its slash at the end."""
    return f"{path}/" if exists(f"{path}/") else None


def canonical(path: str, aliases: Sequence[Alias]) -> str:
    """The intended path: repeated slashes become one, then the first matching alias is applied."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    for pattern, replacement in aliases:
        found = pattern.fullmatch(path)
        if found:
            return found.expand(replacement)
    return path
