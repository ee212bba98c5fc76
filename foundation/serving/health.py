"""Endpoints for load balancers, operators and Prometheus: alive, ready, overall status, metrics.

They are on driven paths: no middleware checks the `Host` (probes send an IP address there), and no session is read.
A hanging database or Redis delays an answer by at most `ANSWER_WITHIN_S`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from celery.signals import heartbeat_sent
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import RedisError

from foundation.database.threads import in_thread
from foundation.hooks import status
from foundation.hooks.status import Part
from foundation.serving.shared_redis import client

ANSWER_WITHIN_S = 3.0
WORKER_SEEN_KEY = "rivermouth:worker_seen_at"
BEAT_SEEN_KEY = "rivermouth:beat_seen_at"
# A worker gives a sign of life every 2 s, and records it every 5 s.
WORKER_NOTED_EVERY_S = 5.0
WORKER_SILENT_AFTER_S = 20
# Beat asks for a sign of life every 10 s; three missed ones mean that nothing is being scheduled.
BEAT_SILENT_AFTER_S = 35
_KEPT_S = 24 * 3600

_is_migrated = False
_worker_noted_at = 0.0


async def healthz(request: HttpRequest) -> JsonResponse:
    """Shows that the process answers."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """Whether this web process can take requests. It needs neither workers nor Redis for that, so they don't count."""
    found = await _bounded(_database)
    return JsonResponse({"ready": found.is_ok, "database": found.facts}, status=200 if found.is_ok else 503)


async def statusz(request: HttpRequest) -> JsonResponse:
    """The overall status, for people and alerts: 503 if something is wrong, and what it is."""
    parts = {"database": _database, "redis": _redis, "worker": _worker, "beat": _beat, **_registered()}
    found = {name: await _bounded(look) for name, look in parts.items()}
    is_ok = all(part.is_ok for part in found.values())
    body = {"ok": is_ok, **{name: {"ok": part.is_ok, **part.facts} for name, part in found.items()}}
    return JsonResponse(body, status=200 if is_ok else 503)


async def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of the answering process, in Prometheus's text format."""
    return HttpResponse(await in_thread(generate_latest), content_type=CONTENT_TYPE_LATEST)


def note_beat_alive() -> None:
    """Called by the task that beat queues: it shows that beat, Redis and a worker are all running."""
    client().set(BEAT_SEEN_KEY, time.time(), ex=_KEPT_S)


@heartbeat_sent.connect
def note_worker_alive(**kwargs: Any) -> None:
    """Called in a worker's main process, every 2 s. It must not fail: Celery's own heartbeat is sent after it."""
    global _worker_noted_at  # one per process
    if time.monotonic() - _worker_noted_at < WORKER_NOTED_EVERY_S:
        return
    _worker_noted_at = time.monotonic()
    with contextlib.suppress(RedisError):
        client().set(WORKER_SEEN_KEY, time.time(), ex=_KEPT_S)


async def _bounded(look: Callable[[], Part]) -> Part:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await in_thread(look)
    except TimeoutError:
        return Part(is_ok=False, facts={"error": f"no answer within {ANSWER_WITHIN_S:g} s"})


def _database() -> Part:
    """Reachable, migrated, and not read-only (a standby, or one whose disk is full)."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
            [is_read_only] = cursor.fetchone()
        is_migrated = _migrations_are_applied()
    except DatabaseError as err:
        return Part(is_ok=False, facts={"error": type(err).__name__})
    return Part(is_ok=is_migrated and not is_read_only, facts={"migrated": is_migrated, "writable": not is_read_only})


def _migrations_are_applied() -> bool:
    """Checked until true: applied migrations stay applied while this process runs."""
    global _is_migrated  # one per process
    if not _is_migrated:
        executor = MigrationExecutor(connection)
        _is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _is_migrated


def _redis() -> Part:
    try:
        client().ping()
    except RedisError as err:
        return Part(is_ok=False, facts={"error": type(err).__name__})
    return Part(is_ok=True, facts={})


def _worker() -> Part:
    return _seen(WORKER_SEEN_KEY, WORKER_SILENT_AFTER_S)


def _beat() -> Part:
    return _seen(BEAT_SEEN_KEY, BEAT_SILENT_AFTER_S)


def _seen(key: str, silent_after_s: float) -> Part:
    """When the last sign of life came; None: never, or more than a day ago."""
    try:
        seen_at = client().get(key)
    except RedisError as err:
        return Part(is_ok=False, facts={"error": type(err).__name__})
    ago_s = round(time.time() - float(seen_at), 1) if seen_at else None
    return Part(is_ok=ago_s is not None and ago_s < silent_after_s, facts={"seen_s_ago": ago_s})


def _registered() -> dict[str, Callable[[], Part]]:
    now = timezone.now()
    return {name: lambda look=look: _looked(look, now) for name, look in status.parts().items()}  # type: ignore[misc]  # bound at once


def _looked(look: status.Look, now: Any) -> Part:
    try:
        return look(now)
    except DatabaseError as err:
        return Part(is_ok=False, facts={"error": type(err).__name__})
