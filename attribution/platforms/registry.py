"""The platforms in the setting `ATTRIBUTION_PLATFORMS` (slug → dotted path), loaded when the first one is needed."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from attribution.platforms.platform import Ad, AdLevel, Platform, usual_levels


@cache
def platforms() -> Mapping[str, Platform]:
    """All platforms by slug, in the order of the setting. Raises: `ImproperlyConfigured`."""
    return {slug: _load(slug, path) for slug, path in settings.ATTRIBUTION_PLATFORMS.items()}


def page_platform() -> tuple[str, Platform]:
    """The platform whose callback parameter a landing page or mini game reports with, and its slug."""
    return next(iter(platforms().items()))


def device_id_fields(os: str) -> list[str]:
    """The event fields by which platforms identify a device, in the order of the platforms."""
    fields = (platform.device_id_fields.get(os) for platform in platforms().values())
    return list(dict.fromkeys(filter(None, fields)))


def name_of(slug: str) -> str:
    """The platform's display name; for a platform no longer in the setting, its slug."""
    found = platforms().get(slug)
    return str(found.name) if found else slug


def with_name(words: Mapping[str, str | int]) -> dict[str, str | int]:
    """Words of an alert, with `platform` as a display name in the language of the moment."""
    return {**words, "platform": name_of(str(words.get("platform", "")))}


def ad_levels(slug: str, ad: Ad) -> list[AdLevel]:
    platform = platforms().get(slug)
    return platform.ad_levels(ad) if platform else usual_levels(ad, (_("Campaign"), _("Ad"), _("Creative")))


def _load(slug: str, path: str) -> Platform:
    try:
        platform: Platform = import_string(path)()
    except ImportError as err:
        raise ImproperlyConfigured(f"ATTRIBUTION_PLATFORMS[{slug!r}]: {err}") from err
    return platform


def _forget(*, setting: str, **kwargs: object) -> None:
    """Reload after a change of the setting, which tests override."""
    if setting == "ATTRIBUTION_PLATFORMS":
        platforms.cache_clear()


setting_changed.connect(_forget)
