"""Where costs can come from: the platforms known to the site, and those whose costs can be imported."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from attribution.platforms import registry
from attribution.platforms.cost_source import CostSource


class NoSourceError(LookupError):
    """The costs of this platform can't be imported."""


def platforms() -> Mapping[str, Any]:
    """The names of the platforms, by slug."""
    return {slug: platform.name for slug, platform in registry.platforms().items()}


def importable() -> Mapping[str, Any]:
    """The names of the platforms whose costs can be imported, by slug."""
    return {slug: platform.name for slug, platform in registry.platforms().items() if platform.cost_source}


def source_of(platform: str) -> CostSource:
    """Raises: `NoSourceError`."""
    found = registry.platforms().get(platform)
    if found is None or found.cost_source is None:
        raise NoSourceError(platform)
    return found.cost_source


def missing_settings(source: CostSource) -> list[str]:
    """The settings that are missing before anyone can connect an account."""
    return [name for name in source.needed_settings if not getattr(settings, name)]
