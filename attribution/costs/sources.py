"""Where costs can come from: the platforms that the site knows, and those whose costs can be imported."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from attribution.platforms.cost_source import CostSource


class NoSourceError(LookupError):
    """The costs of this platform can't be imported."""


def platforms() -> Mapping[str, Any]:
    """Names of the platforms by their slugs."""
    return {slug: source.name for slug, source in importable().items()}


def importable() -> Mapping[str, CostSource]:
    """The platforms whose costs can be imported, by their slugs."""
    return {slug: _load(path) for slug, path in settings.ATTRIBUTION_COST_SOURCES.items()}


def source_of(platform: str) -> CostSource:
    """Raises: `NoSourceError`."""
    try:
        return importable()[platform]
    except KeyError as err:
        raise NoSourceError(platform) from err


def missing_settings(source: CostSource) -> list[str]:
    """What has to be set before anybody can connect an account."""
    return [name for name in source.needed_settings if not getattr(settings, name)]


@cache
def _load(path: str) -> CostSource:
    source: CostSource = import_string(path)()
    return source
