"""Whose error table is used for a provider: the setting `CHAT_VENDORS` lists a slug and a dotted path for each."""

import re
from functools import cache
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from streaming.wire.vendors import general
from streaming.wire.vendors.vendor import Vendor

_EVERYBODYS_DIALECT = "openai"


def of(*, vendor: str, base_url: str, slug: str, dialect: str) -> Vendor:
    """The vendor chosen by an operator, else that of the base URL's host, else of the provider's slug, else general.

    A dialect that only one vendor speaks comes before general. Never raises: a vendor that the setting does not (or no
    longer) name is as good as none.
    """
    listed = _listed()
    chosen = listed.get(vendor) or _of_host(_host(base_url)) or _of_name(slug)
    return chosen or listed.get(dialect.replace(_EVERYBODYS_DIALECT, "")) or general.VENDOR


def choices() -> list[tuple[str, str | Promise]]:
    """Choices for the provider's field. Its migration refers to this function, so no migration lists the vendors."""
    return [("general", _("General")), *((slug, table.label) for slug, table in _listed().items() if slug != "general")]


def _listed() -> dict[str, Vendor]:
    return {slug: _at(path) for slug, path in settings.CHAT_VENDORS.items()} | {"general": general.VENDOR}


@cache
def _at(path: str) -> Vendor:
    return cast(Vendor, import_string(path))


def _host(base_url: str) -> str:
    """The host of a base URL; "" for what is not one, such as `http://[::1`, which `urlsplit` refuses."""
    try:
        return (urlsplit(base_url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _of_host(host: str) -> Vendor | None:
    for table in _listed().values():
        if any(host == known or host.endswith("." + known) for known in table.hosts):
            return table
    return None


def _of_name(slug: str) -> Vendor | None:
    """By the whole slug, else by its first word that names a vendor: `kimi-backup`, `team_a-glm`."""
    by_name = {name: table for key, table in _listed().items() for name in (key, *table.names)}
    words = [slug.lower(), *re.split(r"[-_.]+", slug.lower())]
    return next((by_name[word] for word in words if word in by_name), None)
