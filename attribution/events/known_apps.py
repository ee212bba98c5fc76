"""Apps, cached for a few seconds: every event needs their rules, which change about once a month."""

import time

from attribution.models import App

KNOWN_FOR_S = 5.0

_known: dict[int, tuple[App, float]] = {}


def get(app_id: int) -> App:
    """Raises: `App.DoesNotExist`."""
    app, known_until = _known.get(app_id, (None, 0.0))
    if app is None or time.monotonic() > known_until:
        app = App.objects.prefetch_related("event_rules").get(pk=app_id)
        _known[app_id] = (app, time.monotonic() + KNOWN_FOR_S)
    return app
