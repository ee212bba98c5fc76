"""What operators and load balancers ask: alive, ready, metrics."""

import time
from contextlib import closing

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

WORKER_SEEN_KEY = "rivermouth:worker_seen_at"
# Beat asks for a heartbeat every 10 s; three missed ones mean that no worker takes work.
WORKER_SILENT_AFTER_S = 35

REDIS_UNAVAILABLE = Counter("rivermouth_redis_unavailable", "Operations that went on without Redis", ["operation"])


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Database, Redis and a worker are there; 503 and what is missing when not."""
    checks = {"database": _database_answers(), **_redis_and_worker()}
    is_ready = all(checks.values())
    return JsonResponse({"ready": is_ready, **checks}, status=200 if is_ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's text format, of the process that answers."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def note_worker_alive() -> None:
    """Called by a worker: it takes work."""
    with closing(_redis()) as client:
        client.set(WORKER_SEEN_KEY, time.time(), ex=WORKER_SILENT_AFTER_S)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_and_worker() -> dict[str, bool]:
    try:
        with closing(_redis()) as client:
            return {"redis": True, "worker": bool(client.exists(WORKER_SEEN_KEY))}
    except redis.RedisError:
        return {"redis": False, "worker": False}


def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
