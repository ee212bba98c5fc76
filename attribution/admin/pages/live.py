"""The live feed's endpoint, and the parts of the dashboard that are asked for again when something has changed.

Server-sent events by django-eventstream, whose own view would hold a thread and a database connection for each open
dashboard: on `DRIVEN_PATHS` neither is held. Who may listen is looked up at the start and again when the browser
connects anew, every `MAX_DURATION_S`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_eventstream.event import Event
from django_eventstream.eventrequest import EventRequest
from django_eventstream.views import Listener, RedisListener, get_listener_manager, stream
from redis import RedisError
from redis.asyncio import Redis

from attribution.admin.pages import activity, links, operations
from attribution.live_feed import CHANNEL, EVENT, may_follow
from foundation.serving.driven import DrivenResponse, Outbox
from foundation.serving.shared_redis import UNAVAILABLE

logger = logging.getLogger(__name__)

MAX_DURATION_S = 600
RECONNECT_AFTER_S = 1.0


class ReconnectingListener(RedisListener):  # type: ignore[misc]  # no type information
    """Hears what all processes tell. The library's own ends for good with its first lost connection."""

    def __init__(self) -> None:
        self.redis_client = Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=settings.REDIS_TIMEOUT_S,
            socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        )
        self._task: asyncio.Task[Any] | None = None
        self._is_lost = False

    async def start(self) -> None:
        self._task = asyncio.current_task()
        while True:
            self.pubsub = self.redis_client.pubsub()
            try:
                await self.listen()
            except (RedisError, OSError) as err:
                self._note_loss(err)
            await self._close_pubsub()
            await asyncio.sleep(RECONNECT_AFTER_S)

    async def listen(self) -> None:
        await self.pubsub.subscribe("events_channel")  # the library's own name; it subscribes again, which is harmless
        if self._is_lost:
            self._is_lost = False
            # Something may have been told meanwhile.
            get_listener_manager().add_to_queues(CHANNEL, Event(CHANNEL, EVENT, "{}"))
        await super().listen()

    def _note_loss(self, err: Exception) -> None:
        """Once for each loss: an outage of hours is one line."""
        if not self._is_lost:
            logger.warning("The live feed has lost Redis: %s", type(err).__name__)
            UNAVAILABLE.labels("live feed").inc()
        self._is_lost = True

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.redis_client.aclose()

    async def _close_pubsub(self) -> None:
        try:
            await self.pubsub.aclose()  # type: ignore[no-untyped-call]  # redis has no type for it
        except (RedisError, OSError):
            logger.debug("Closing a lost connection", exc_info=True)


get_listener_manager().redis_listener = _listener = ReconnectingListener()

_open: set["_Follower"] = set()


class _Follower:
    """One open dashboard: passes on what the library streams. A `Source` of `foundation.serving.driven`."""

    def __init__(self, pieces: AsyncIterator[str]) -> None:
        self._pieces = pieces
        self._task: asyncio.Task[None] | None = None
        self._outbox: Outbox | None = None

    def drive(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._task = asyncio.get_running_loop().create_task(self._run(outbox))
        _open.add(self)

    def writable(self, is_writable: bool) -> None:
        """A browser that reads too slowly for one small message a second is gone; nothing is kept for it."""
        if not is_writable and self._outbox:
            self._outbox.abort()

    def client_left(self) -> None:
        self.end()

    def end(self) -> None:
        if self._task:
            self._task.cancel()

    async def _run(self, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(MAX_DURATION_S):
                async for piece in self._pieces:
                    outbox.write(piece.encode())
        except (TimeoutError, asyncio.CancelledError):
            pass  # its time is over, the browser has left, or the process ends: in all cases the stream does
        finally:
            _open.discard(self)
            outbox.end()


def drain() -> None:
    """The process is about to end: browsers connect to another one."""
    for follower in list(_open):
        follower.end()


async def shut_down() -> None:
    await _listener.stop()


async def feed(request: HttpRequest) -> HttpResponseBase:
    """Says `changed` whenever send records have come in or changed, to staff who may look at them."""
    try:
        user = await asyncio.get_running_loop().run_in_executor(None, _user_of, request)
    except DatabaseError:
        logger.exception("The live feed could not look its reader up")
        return JsonResponse({"detail": "The database is away. Try again."}, status=503)
    if user is None:
        return JsonResponse({"detail": "Sign in as somebody who may look at send records."}, status=403)
    wanted = EventRequest()
    wanted.channels, wanted.user, wanted.is_next = {CHANNEL}, user, False
    listener = Listener()
    listener.channels, listener.user_id = wanted.channels, user.pk
    return DrivenResponse(
        _Follower(stream(wanted, listener)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


def _user_of(request: HttpRequest) -> Any:
    """Who has signed in, if they may listen; with their rights, so that nobody has to look them up again."""
    try:
        SessionMiddleware(_no_response).process_request(request)
        user = auth.get_user(request)
        return user if may_follow(user) else None
    finally:
        connection.close()  # back to the pool


def _no_response(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError  # only its half for requests is used


@never_cache
def operations_part(request: HttpRequest) -> HttpResponse:
    """The dashboard's deliveries, alone."""
    _check(request)
    shown = {"operations": operations.look(timezone.now()), "records_url": links.records()}
    return render(request, "admin/dashboard/operations.html", shown)


@never_cache
def activity_part(request: HttpRequest) -> HttpResponse:
    """The dashboard's newest rows, alone."""
    _check(request)
    return render(request, "admin/dashboard/activity.html", {"activity": activity.newest()})


def _check(request: HttpRequest) -> None:
    if not may_follow(request.user):
        raise PermissionDenied
