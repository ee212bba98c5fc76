"""The protocols that providers may speak: the setting `CHAT_DIALECTS` lists a slug and a dotted path for each."""

from functools import cache
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from streaming.wire import faults
from streaming.wire.dialects.dialect import Dialect


def of(slug: str) -> Dialect:
    """Raises: Fault, if the setting does not (or no longer) name it."""
    path = settings.CHAT_DIALECTS.get(slug)
    if path is None:
        raise faults.misconfigured(f"CHAT_DIALECTS has no {slug!r}")
    return _at(path)


@cache  # every turn calls this, and the look-up takes 3 µs of CPU
def _at(path: str) -> Dialect:
    return cast(Dialect, import_string(path))


def choices() -> list[tuple[str, str]]:
    """Choices for the provider's field. Its migration refers to this function, so no migration lists the dialects."""
    return [(slug, of(slug).label) for slug in settings.CHAT_DIALECTS]
