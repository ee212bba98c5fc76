"""Apps, cached for a few seconds: every event needs their rules, which change about once a month."""

import time
from typing import NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from attribution.devices.device_ids import DecryptionError, decrypt, possible_md5s
from attribution.models import App, DebugDevice

KNOWN_FOR_S = 5.0


class _Known(NamedTuple):
    app: App
    testers_md5s: frozenset[str]
    until: float


_known: dict[int, _Known] = {}


def get(app_id: int) -> App:
    """Raises: `App.DoesNotExist`."""
    return _get(app_id).app


def testers_md5s(app_id: int) -> frozenset[str]:
    """The md5 forms of the device ids on the app's test list. Raises: `App.DoesNotExist`."""
    return _get(app_id).testers_md5s


def _get(app_id: int) -> _Known:
    known = _known.get(app_id)
    if known is None or time.monotonic() > known.until:
        # One query, not one more for a list that is nearly always empty.
        devices = ArraySubquery(DebugDevice.objects.filter(app=OuterRef("pk")).values("device"))
        app = App.objects.prefetch_related("event_rules").annotate(debug_ids=devices).get(pk=app_id)
        md5s = frozenset().union(*map(_md5s, app.debug_ids))
        known = _known[app_id] = _Known(app, md5s, time.monotonic() + KNOWN_FOR_S)
    return known


def _md5s(device: str) -> set[str]:
    try:
        return possible_md5s(decrypt(device))
    except DecryptionError:
        return set()
