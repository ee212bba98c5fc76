"""The endpoint of monitor links: ad platforms call it on every click, and again if the answer is late or an error.

Clicks arrive by the thousand and are tiny, so they share commits. Every call is answered after its own click has been
committed.
"""

import asyncio
import time

from django.conf import settings
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import Counter

from attribution.clicks import storage
from attribution.clicks.storage import NewClick
from attribution.models import App
from attribution.platforms.registry import platforms
from foundation.database.group_commit import GroupCommit, TooManyWaiting
from foundation.database.threads import in_thread

CLICKS = Counter("rivermouth_clicks", "Calls of monitor links", ["outcome"])

UNKNOWN_PLATFORM = b'{"error":"unknown ad platform"}'

# After a change in the admin, the old token works this much longer.
TOKEN_KNOWN_FOR_S = 5.0
# Clicks beyond this number are refused: memory stays bounded while the database is down.
MAX_WAITING = 2000


@require_safe
async def click(request: HttpRequest, platform: str, token: str) -> HttpResponse:
    """Store one click of the app that has this token, as this platform reports it.

    HEAD is answered like GET, but is not a click: link checkers and prefetchers send it.
    """
    received_at = timezone.now()
    known = platforms().get(platform)
    if known is None:
        return _answer(404, "unknown_platform", UNKNOWN_PLATFORM)
    try:
        async with asyncio.timeout(settings.CLICK_STORE_TIMEOUT_S):
            app_id = await _app_ids.of(token)
            if app_id is None:
                return _answer(404, "unknown_token", known.click_answers.unknown_link)
            if request.method == "HEAD":
                return _answer(200, "checked", known.click_answers.stored)
            query = request.META["QUERY_STRING"]
            said = known.read_click(query, received_at=received_at)
            is_stored = await _clicks.add(NewClick(app_id, platform, received_at, query, said))
    except (TooManyWaiting, DatabaseError, InterfaceError, TimeoutError):
        is_stored = False
    if not is_stored:
        return _answer(503, "unavailable", known.click_answers.unavailable)
    return _answer(200, "stored", known.click_answers.stored)


def _answer(status: int, outcome: str, body: bytes) -> HttpResponse:
    CLICKS.labels(outcome).inc()
    # CommonMiddleware would set the length, but there is no middleware on this path.
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return HttpResponse(body, status=status, headers=headers)


class _AppIds:
    """Caches for a few seconds which app has a token. Unknown tokens are not cached: guesses would fill the memory."""

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
    except DataError:  # a NUL, which PostgreSQL cannot store in a text
        return None


def _write(batch: list[NewClick]) -> list[bool]:
    """Store the clicks; returns which are stored. If PostgreSQL refuses one, they are all stored one by one."""
    try:
        storage.store(batch)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        return [False] if len(batch) == 1 else [is_stored for click in batch for is_stored in _write([click])]
    return [True] * len(batch)


_app_ids = _AppIds()
_clicks = GroupCommit(_write, name="clicks", max_waiting=MAX_WAITING)
