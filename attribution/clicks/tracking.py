"""The monitor link's endpoint: Ocean Engine calls it on every click, and again when the answer is late or no success.

Clicks come in by the thousand, each tiny, so they share commits. Every call is answered after its own click was
committed.
"""

import asyncio
import time

from django.conf import settings
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import Counter

from attribution.clicks import storage
from attribution.models import App, Click
from attribution.platforms.oceanengine import monitor_link
from foundation.database.group_commit import GroupCommit, TooManyWaiting
from foundation.database.threads import in_thread

CLICKS = Counter("rivermouth_clicks", "Calls of monitor links", ["outcome"])

# Ocean Engine's expected body is not published; this is the form of its own answers.
STORED = b'{"code":0,"message":"ok"}'
UNKNOWN_TOKEN = b'{"code":404,"message":"unknown monitor link"}'
UNAVAILABLE = b'{"code":503,"message":"not stored, call again"}'

# A token that is changed in the admin works this much longer.
TOKEN_KNOWN_FOR_S = 5.0
# More clicks than this are not kept waiting: memory stays bounded while the database is away.
MAX_WAITING = 2000


@require_GET
async def click(request: HttpRequest, token: str) -> HttpResponse:
    """Store one click of the app that has this token."""
    received_at = timezone.now()
    try:
        async with asyncio.timeout(settings.CLICK_STORE_TIMEOUT_S):
            app_id = await _app_ids.of(token)
            if app_id is None:
                return _answer(404, "unknown_token", UNKNOWN_TOKEN)
            query = request.META["QUERY_STRING"]
            is_stored = await _clicks.add(monitor_link.parse(query, app_id=app_id, received_at=received_at))
    except (TooManyWaiting, DatabaseError, InterfaceError, TimeoutError):
        is_stored = False
    return _answer(200, "stored", STORED) if is_stored else _answer(503, "unavailable", UNAVAILABLE)


def _answer(status: int, outcome: str, body: bytes) -> HttpResponse:
    CLICKS.labels(outcome).inc()
    # The length is CommonMiddleware's work, and there is no middleware on this path.
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return HttpResponse(body, status=status, headers=headers)


class _AppIds:
    """Which app has a token, known for a few seconds. Unknown tokens are not kept: guesses would fill the memory."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, float]] = {}

    async def of(self, token: str) -> int | None:
        app_id, known_until = self._known.get(token, (None, 0.0))
        if time.monotonic() < known_until:
            return app_id
        app_id = await in_thread(lambda: _app_id_of(token))
        if app_id is None:
            self._known.pop(token, None)
        else:
            self._known[token] = (app_id, time.monotonic() + TOKEN_KNOWN_FOR_S)
        return app_id


def _app_id_of(token: str) -> int | None:
    try:
        return App.objects.filter(monitor_token=token).values_list("pk", flat=True).first()
    except DataError:  # a NUL, which no text of PostgreSQL has
        return None


def _write(batch: list[Click]) -> list[bool]:
    """Store the clicks; returns which are stored. Where PostgreSQL refuses one, the others go in one by one."""
    try:
        storage.store(batch)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        return [False] if len(batch) == 1 else [is_stored for click in batch for is_stored in _write([click])]
    return [True] * len(batch)


_app_ids = _AppIds()
_clicks = GroupCommit(_write, name="clicks", max_waiting=MAX_WAITING)
