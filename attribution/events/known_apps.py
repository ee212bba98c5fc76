"""Apps, cached for a few seconds: every event needs their rules, which change about once a month."""

import time
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef

from attribution.devices.device_ids import DecryptionError, decrypt, possible_md5s
from attribution.models import App, DebugDevice, UserAlias

KNOWN_FOR_S = 5.0


class _Known(NamedTuple):
    app: App
    testers_md5s: frozenset[str]
    has_aliases: bool
    until: float


_known: dict[int, _Known] = {}


def get(app_id: int) -> App:
    """Raises: `App.DoesNotExist`."""
    return _get(app_id).app


def testers_md5s(app_id: int) -> frozenset[str]:
    """The md5 forms of the device ids on the app's test list. Raises: `App.DoesNotExist`."""
    return _get(app_id).testers_md5s


def has_aliases(app_id: int) -> bool:
    """Whether some users of the app have earlier ids: without any, events need not be looked at for them.

    For a few seconds after an app's very first alias, other processes do not know; the sweep mends what they store.
    Raises: `App.DoesNotExist`.
    """
    return _get(app_id).has_aliases


def forget(app_id: int) -> None:
    """Look the app up again at its next event."""
    _known.pop(app_id, None)


def _get(app_id: int) -> _Known:
    known = _known.get(app_id)
    if known is None or time.monotonic() > known.until:
        # One query, not one more each for lists that are nearly always empty.
        devices = ArraySubquery(DebugDevice.objects.filter(app=OuterRef("pk")).values("device"))
        aliases = Exists(UserAlias.objects.filter(app=OuterRef("pk")))
        apps = App.objects.prefetch_related("event_rules").annotate(debug_ids=devices, with_aliases=aliases)
        app = apps.get(pk=app_id)
        md5s = frozenset().union(*map(_md5s, app.debug_ids))
        known = _known[app_id] = _Known(app, md5s, app.with_aliases, time.monotonic() + KNOWN_FOR_S)
    return known


def _md5s(device: str) -> set[str]:
    try:
        return possible_md5s(decrypt(device))
    except DecryptionError:
        return set()
