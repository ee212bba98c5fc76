"""What health probes and operators see."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from attribution.models import Destination
from foundation.serving import health, shared_redis
from sandbox.launcher import services
from tests.servers import Server
from tests.stack import Processes, Stack


@pytest.fixture
def redis(settings: Settings, tmp_path: Path) -> Iterator[services.Server]:
    """A Redis of this test's own, which it may stop."""
    server = services.start_redis(tmp_path)
    settings.REDIS_URL = server.url
    shared_redis.client.cache_clear()
    yield server
    server.stop()
    shared_redis.client.cache_clear()


@pytest.fixture(autouse=True)
def _unknown_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget everything, as in a process that has just started."""
    monkeypatch.setattr(health, "_is_migrated", False)
    monkeypatch.setattr(health, "_worker_noted_at", 0.0)


def parts_that_are_well(answer: dict[str, Any]) -> set[str]:
    return {name for name, part in answer.items() if isinstance(part, dict) and part["ok"]}


def test_healthz_needs_nothing(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_readyz_says_nothing_about_workers_and_redis(client: Client, redis: services.Server) -> None:
    redis.stop()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": {"migrated": True, "writable": True}},
    )


@pytest.mark.django_db(transaction=True)
def test_readyz_of_a_database_that_lacks_a_migration(client: Client) -> None:
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in recorder.applied_migrations() if app == "access")
    recorder.record_unapplied("access", newest)
    try:
        answer = client.get("/readyz")
    finally:
        recorder.record_applied("access", newest)

    assert (answer.status_code, answer.json()["database"]) == (503, {"migrated": False, "writable": True})
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_readyz_of_a_read_only_database(client: Client, start_web: Callable[..., Server], processes: Processes) -> None:
    url = processes.environment["DATABASE_URL"]
    read_only = f"{url}{'&' if '?' in url else '?'}options=-c%20default_transaction_read_only%3Don"

    answer = requests.get(f"{start_web(DATABASE_URL=read_only).url}/readyz", timeout=10)

    assert (answer.status_code, answer.json()["database"]) == (503, {"migrated": True, "writable": False})


@pytest.mark.django_db(transaction=True)
def test_statusz_tells_what_is_well(client: Client, redis: services.Server) -> None:
    health.note_worker_alive()
    health.note_beat_alive()

    answer = client.get("/statusz")

    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert parts_that_are_well(answer.json()) == {"database", "redis", "worker", "beat", "conversions", "cost_imports"}
    assert answer.json()["conversions"] == {"ok": True, "backlog": 0, "oldest_due_s": None, "breakers_open": []}


@pytest.mark.django_db(transaction=True)
def test_statusz_tells_what_is_missing(client: Client, redis: services.Server) -> None:
    silent = client.get("/statusz")
    redis.stop()
    without_redis = client.get("/statusz")

    assert (silent.status_code, silent.json()["worker"]) == (503, {"ok": False, "seen_s_ago": None})
    assert parts_that_are_well(silent.json()) == {"database", "redis", "conversions", "cost_imports"}
    assert parts_that_are_well(without_redis.json()) == {"database", "conversions", "cost_imports"}
    assert without_redis.json()["redis"]["error"]


@pytest.mark.django_db(transaction=True)
def test_statusz_tells_of_open_breakers_and_of_what_waits(client: Client, redis: services.Server) -> None:
    now = timezone.now()
    Destination.objects.create(platform="oceanengine", key="7001", open_until=now + timedelta(minutes=5))
    Destination.objects.create(
        platform="oceanengine", key="7002", open_until=now + timedelta(minutes=5), is_enabled=False
    )

    conversions = client.get("/statusz").json()["conversions"]

    assert conversions == {"ok": False, "backlog": 0, "oldest_due_s": None, "breakers_open": ["7001"]}


def test_probes_are_answered_whatever_the_host_is(stack: Stack) -> None:
    paths = ["/healthz", "/readyz", "/statusz", "/metrics"]
    host = {"Host": "10.1.2.3:8000"}

    answers = {path: requests.get(stack.url + path, headers=host, timeout=10, allow_redirects=False) for path in paths}

    # There is no beat here, which is what is wrong with the whole.
    assert [answer.status_code for answer in answers.values()] == [200, 200, 503, 200]
    assert not any("Set-Cookie" in answer.headers for answer in answers.values())
    status = answers["/statusz"].json()
    assert parts_that_are_well(status) == {"database", "redis", "worker", "conversions", "cost_imports"}


def test_metrics_are_in_the_text_format(client: Client) -> None:
    shared_redis.UNAVAILABLE.labels("test").inc(3)

    answer = client.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'rivermouth_redis_unavailable_total{operation="test"} 3.0\n' in answer.content.decode()
