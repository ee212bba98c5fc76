"""What operators and load balancers ask: alive, ready, metrics."""

import time

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import RedisError

from foundation.serving.shared_redis import client

WORKER_SEEN_KEY = "rivermouth:worker_seen_at"
# Beat asks for a heartbeat every 10 s; three missed ones mean that no worker takes work.
WORKER_SILENT_AFTER_S = 35


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
    client().set(WORKER_SEEN_KEY, time.time(), ex=WORKER_SILENT_AFTER_S)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_and_worker() -> dict[str, bool]:
    try:
        return {"redis": True, "worker": bool(client().exists(WORKER_SEEN_KEY))}
    except RedisError:
        return {"redis": False, "worker": False}
