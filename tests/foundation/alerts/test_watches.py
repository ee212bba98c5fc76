"""Workers, beat and Redis: who notices when nobody sweeps any more."""

import time
from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from foundation.alerts import watches, watchman
from foundation.alerts.models import Incident
from foundation.hooks import alerts
from foundation.hooks.alerts import NotKnownError
from foundation.serving import health, shared_redis
from tests.foundation.alerts.conftest import World
from tests.redis_server import RedisServer


@pytest.fixture(autouse=True)
def _no_signs_of_life() -> Iterator[None]:
    redis = shared_redis.client()
    redis.delete(health.WORKER_SEEN_KEY, health.BEAT_SEEN_KEY)
    yield
    redis.delete(health.WORKER_SEEN_KEY, health.BEAT_SEEN_KEY)


def seen(key: str, *, ago_s: float) -> None:
    shared_redis.client().set(key, time.time() - ago_s, ex=600)


def found(kind: str) -> list[tuple[str, int]]:
    [watch] = [each for each in watches.WATCHES if each.kind == kind]
    return [(cause.key, cause.number) for cause in watch.check(watch.threshold, timezone.now())]


@pytest.mark.parametrize(("ago_s", "causes"), [(5, []), (119, []), (130, [("worker", 130)])])
def test_silent_worker_is_noticed(ago_s: float, causes: list[tuple[str, int]]) -> None:
    seen(health.WORKER_SEEN_KEY, ago_s=ago_s)

    assert found("worker") == causes


def test_worker_that_never_spoke_is_as_silent_as_the_process_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "_started_at", time.time() - 10)
    young = found("worker")
    monkeypatch.setattr(watches, "_started_at", time.time() - 200)

    assert (young, found("worker")) == ([], [("worker", 200)])


def test_silent_beat_is_noticed_as_long_as_workers_speak() -> None:
    seen(health.WORKER_SEEN_KEY, ago_s=3)
    seen(health.BEAT_SEEN_KEY, ago_s=150)
    assert found("beat") == [("beat", 150)]

    seen(health.WORKER_SEEN_KEY, ago_s=100)
    with pytest.raises(NotKnownError):
        found("beat")


@pytest.fixture
def own_redis(redis_server: RedisServer, settings: Settings) -> Iterator[RedisServer]:
    settings.REDIS_URL = redis_server.url
    shared_redis.client.cache_clear()
    yield redis_server
    shared_redis.client.cache_clear()


def test_redis_that_is_gone_is_noticed_after_a_while(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("redis") == []

    own_redis.stop()
    at_once = found("redis")
    monkeypatch.setattr(watches, "_redis_gone_since", time.time() - 61)
    later = found("redis")
    with pytest.raises(NotKnownError):
        found("worker")
    own_redis.start()

    assert (at_once, later) == ([], [("redis", 61)])
    assert found("redis") == []


@pytest.mark.django_db
def test_web_process_does_the_round_when_nobody_sweeps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_watches", {each.kind: each for each in watches.WATCHES})
    world.channel()
    seen(health.WORKER_SEEN_KEY, ago_s=300)
    seen(health.BEAT_SEEN_KEY, ago_s=300)

    assert watchman.look_for_workers() is True

    [text] = world.robots.taken
    assert text.startswith("[Rivermouth] Alert: No worker has shown a sign of life for 300 s")
    assert list(Incident.objects.values_list("key", flat=True)) == ["worker"]

    assert watchman.look_for_workers() is True
    assert len(world.robots.taken) == 1


@pytest.mark.django_db
def test_web_process_leaves_it_to_the_workers_where_they_sweep(world: World) -> None:
    world.channel()
    world.bad = {"a": 1}
    seen(health.WORKER_SEEN_KEY, ago_s=1)
    seen(health.BEAT_SEEN_KEY, ago_s=10)

    assert watchman.look_for_workers() is False
    assert world.robots.asked == 0


@pytest.mark.django_db
def test_web_process_does_nothing_where_there_is_nobody_to_tell(world: World) -> None:
    world.bad = {"a": 1}

    assert watchman.look_for_workers() is False
    assert not Incident.objects.exists()


def test_watchman_looks_again_and_again_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchman, "EVERY_S", 0.02)
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        raise RuntimeError("PostgreSQL is away")

    monkeypatch.setattr(watchman, "look_for_workers", look)
    watching = watchman.Watchman()
    watching.start()
    give_up_at = time.monotonic() + 10
    while len(looks) < 3 and time.monotonic() < give_up_at:
        time.sleep(0.01)
    watching.stop()
    assert watching._thread is not None
    watching._thread.join(5)

    assert len(looks) >= 3
    assert not watching._thread.is_alive()
