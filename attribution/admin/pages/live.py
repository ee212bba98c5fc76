"""The live feed's endpoint, and the parts of the dashboard that are asked for again when something has changed.

Server-sent events by django-eventstream. Under Django's own handler its view would hold a thread and a database
connection for each open dashboard; here its response is driven and holds neither. Whether someone may listen is checked
when a browser connects, which it does again every `MAX_DURATION_S`.
"""

import asyncio
import logging
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_eventstream import send_event
from django_eventstream.views import events
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from attribution.admin.pages import activity, links, operations
from attribution.announcing.live_feed import CHANNEL, EVENT, TOLD_ON, may_follow
from foundation.database.threads import in_thread
from foundation.serving.driven import DrivenResponse, Outbox
from foundation.serving.shared_redis import UNAVAILABLE

logger = logging.getLogger(__name__)

MAX_DURATION_S = 600
RECONNECT_AFTER_S = 1.0


class _Ear:
    """Receives what any process publishes, for all browsers here. Subscribes again when a lost Redis is back."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._is_lost = False

    def open(self) -> None:
        """Start listening when the first browser connects."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen_on())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _listen_on(self) -> None:
        while True:
            try:
                async with Redis.from_url(
                    settings.REDIS_URL,
                    socket_timeout=settings.REDIS_TIMEOUT_S,
                    socket_connect_timeout=settings.REDIS_TIMEOUT_S,
                ) as redis:
                    await self._listen(redis.pubsub())
            except (RedisError, OSError) as err:
                self._note_loss(err)
            await asyncio.sleep(RECONNECT_AFTER_S)

    async def _listen(self, changes: PubSub) -> None:
        await changes.subscribe(TOLD_ON)
        if self._is_lost:
            self._is_lost = False
            send_event(CHANNEL, EVENT, {})  # something may have been published meanwhile
        async for message in changes.listen():
            if message["type"] == "message":
                send_event(CHANNEL, EVENT, {})

    def _note_loss(self, err: Exception) -> None:
        """Log once per loss: an outage of hours is one line."""
        if not self._is_lost:
            logger.warning("The live feed has lost Redis: %s", type(err).__name__)
            UNAVAILABLE.labels("live feed").inc()
        self._is_lost = True


_ear = _Ear()

_open: set["_Follower"] = set()


class _Follower:
    """One open dashboard: passes on what the library streams. A `Source` of `foundation.serving.driven`."""

    def __init__(self, response: StreamingHttpResponse) -> None:
        self._response = response
        self._task: asyncio.Task[None] | None = None
        self._outbox: Outbox | None = None

    def drive(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._task = asyncio.get_running_loop().create_task(self._run(outbox))
        _open.add(self)

    def writable(self, is_writable: bool) -> None:
        """A browser that cannot read one small message a second is treated as gone; nothing is kept for it."""
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
                async for piece in self._response:
                    outbox.write(piece)
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
    await _ear.close()


async def feed(request: HttpRequest) -> HttpResponseBase:
    """Sends `changed` whenever send records have arrived or changed, to staff who may view them."""
    try:
        user = await in_thread(lambda: _user_of(request))
    except DatabaseError:
        logger.exception("The live feed could not look its reader up")
        return JsonResponse({"detail": "The database is unavailable. Try again."}, status=503)
    if user is None:
        return JsonResponse({"detail": "Sign in as a user who may view send records."}, status=403)
    _ear.open()
    request.user = user
    request.GET = QueryDict()  # the library would let it choose other channels
    return DrivenResponse(
        _Follower(events(request, channels=[CHANNEL])),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


def _user_of(request: HttpRequest) -> Any:
    """The signed-in user if they may listen, with their permissions loaded so that these are not queried again."""
    SessionMiddleware(_no_response).process_request(request)
    user = auth.get_user(request)
    return user if may_follow(user) else None


def _no_response(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError  # only its request half is used


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
