"""The monitor link's endpoint: Ocean Engine calls it on every click, and again when the answer is late or no success.

Clicks come in by the thousand, each tiny, so those that arrive while a statement is running share the next one (group
commit). Every call is answered after its own click was committed.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import Counter

from attribution import clicks, monitor_link
from attribution.models import App, Click

CLICKS = Counter("rivermouth_clicks", "Calls of monitor links", ["outcome"])

# Ocean Engine's expected body is not published; this is the form of its own answers.
STORED = b'{"code":0,"message":"ok"}'
UNKNOWN_TOKEN = b'{"code":404,"message":"unknown monitor link"}'
UNAVAILABLE = b'{"code":503,"message":"not stored, call again"}'

# A token that is changed in the admin works this much longer.
TOKEN_KNOWN_FOR_S = 5.0
# More clicks than this are not kept waiting: memory stays bounded while the database is away.
MAX_WAITING = 2000

_writer_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clicks")


class StoreUnavailable(Exception):  # noqa: N818  # a state of the world, like OceanEngineUnavailable
    """The click is not on disk; it may be later, or never."""


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
            await _group_commit().store(monitor_link.parse(query, app_id=app_id, received_at=received_at))
    except (StoreUnavailable, DatabaseError, InterfaceError, TimeoutError):
        return _answer(503, "unavailable", UNAVAILABLE)
    return _answer(200, "stored", STORED)


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
        app_id = await asyncio.get_running_loop().run_in_executor(None, _app_id_of, token)
        if app_id is None:
            self._known.pop(token, None)
        else:
            self._known[token] = (app_id, time.monotonic() + TOKEN_KNOWN_FOR_S)
        return app_id


def _app_id_of(token: str) -> int | None:
    try:
        return App.objects.filter(monitor_token=token).values_list("pk", flat=True).first()
    finally:
        connection.close()  # back to the pool: this thread may not run again for hours


class _Batch:
    """Clicks that are written together, and what became of each: None, or why not."""

    def __init__(self) -> None:
        self.clicks: list[Click] = []
        self.failures: asyncio.Future[list[DatabaseError | None]] = asyncio.get_running_loop().create_future()


class _GroupCommit:
    """One statement at a time; what arrives meanwhile gathers for the next."""

    def __init__(self) -> None:
        self._gathering = _Batch()
        self._writing: asyncio.Task[None] | None = None

    async def store(self, click: Click) -> None:
        """Return when the click is on disk. Raises: StoreUnavailable, DatabaseError."""
        batch = self._gathering
        position = len(batch.clicks)
        if position >= MAX_WAITING:
            raise StoreUnavailable(f"{MAX_WAITING} clicks are waiting")
        batch.clicks.append(click)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_batches())
        # Shielded: one call that has waited too long must not take the others' answer away.
        failure = (await asyncio.shield(batch.failures))[position]
        if failure is not None:
            raise failure

    async def _write_batches(self) -> None:
        """Write until nothing is left; the connection is kept for that time only, not for the process's life."""
        while self._gathering.clicks:
            batch, self._gathering = self._gathering, _Batch()
            writing = asyncio.get_running_loop().run_in_executor(_writer_thread, _write, batch.clicks)
            await asyncio.wait([writing])
            error = writing.exception()
            if error is None:
                batch.failures.set_result(writing.result())
            else:
                batch.failures.set_exception(error)
        self._writing = None
        _writer_thread.submit(_release_connection)


def _write(batch: list[Click]) -> list[DatabaseError | None]:
    """Store the clicks; where PostgreSQL refuses one, the others go in one by one."""
    try:
        clicks.store(batch)
    except (OperationalError, InterfaceError):
        connection.close()  # a dead one would be tried again and again
        raise
    except DatabaseError as err:
        return [err] if len(batch) == 1 else [failure for click in batch for failure in _write([click])]
    return [None] * len(batch)


def _release_connection() -> None:
    connection.close()


_app_ids = _AppIds()
_group_commits: WeakKeyDictionary[asyncio.AbstractEventLoop, _GroupCommit] = WeakKeyDictionary()


def _group_commit() -> _GroupCommit:
    """Of this event loop: futures belong to one."""
    loop = asyncio.get_running_loop()
    if loop not in _group_commits:
        _group_commits[loop] = _GroupCommit()
    return _group_commits[loop]
