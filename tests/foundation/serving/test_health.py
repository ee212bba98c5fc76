from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from foundation.serving import health, shared_redis
from sandbox.launcher import services


@pytest.fixture
def redis(settings: Settings, tmp_path: Path) -> Iterator[services.Server]:
    """A Redis of this test's own, which it may stop."""
    server = services.start_redis(tmp_path)
    settings.REDIS_URL = server.url
    shared_redis.client.cache_clear()
    yield server
    server.stop()
    shared_redis.client.cache_clear()


def test_healthz_needs_nothing(client: Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_with_a_worker(client: Client, redis: services.Server) -> None:
    health.note_worker_alive()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "database": True, "redis": True, "worker": True},
    )


@pytest.mark.django_db
def test_readyz_without_a_worker(client: Client, redis: services.Server) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "redis": True, "worker": False}


@pytest.mark.django_db
def test_readyz_without_redis(client: Client, redis: services.Server) -> None:
    health.note_worker_alive()
    redis.stop()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "redis": False, "worker": False}


def test_metrics_are_in_the_text_format(client: Client) -> None:
    shared_redis.UNAVAILABLE.labels("test").inc(3)

    answer = client.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'rivermouth_redis_unavailable_total{operation="test"} 3.0\n' in answer.content.decode()
