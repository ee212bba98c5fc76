"""What the world does to conversions: a real web server and worker, killed, frozen and lied to.

The processes are this module's own: short delays, and a Redis that can be stopped.
"""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
import requests

from attribution.models import App, Attempt, Conversion
from config.access.models import ApiKey
from sandbox import children, services
from tests import servers
from tests.servers import Server, eventually

ACTIVE = {"event": "active", "os": "android"}
LEASE_S = 13


@dataclass(kw_only=True)
class Stage:
    """Processes that a test may start, stop and kill."""

    web_url: str
    sandbox_url: str
    redis: services.Server
    key: str
    start_worker: Callable[[], "subprocess.Popen[bytes]"]
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def report(self, count: int) -> list[str]:
        """One activation each of so many users; returns their ids."""
        events = [{**ACTIVE, "user_id": f"u-{n}", "android_id": f"a{n:015x}"} for n in range(count)]
        return [answer["id"] for answer in self.post(events).json()]

    def post(self, body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.post(f"{self.web_url}/api/events/", json=body, headers=headers, timeout=30)

    def fault(self, on: str, kind: str, **parameters: Any) -> None:
        body = {"on": on, "kind": kind, **parameters}
        requests.post(f"{self.sandbox_url}/_faults", json=body, timeout=10).raise_for_status()

    def reports(self) -> list[tuple[str, int, bool]]:
        """Of each conversion that the platform counts: device, how often it was sent, with equal bodies or not."""
        found = requests.get(f"{self.sandbox_url}/_ledger", timeout=10).json()["conversions"]
        return sorted((each["device_id"], each["sends"], each["identical_bodies"]) for each in found)


@pytest.fixture(scope="module")
def processes(
    django_db_setup: None, sandbox_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        broker = services.start_redis(folder)
        stack.callback(broker.stop)
        environment = {
            "DATABASE_URL": servers.database_url(),
            "REDIS_URL": broker.url,
            "OCEANENGINE_BASE_URL": sandbox_server.url,
            "OCEANENGINE_CONNECT_TIMEOUT_S": "1",
            "OCEANENGINE_READ_TIMEOUT_S": "1",
            "OCEANENGINE_TOTAL_TIMEOUT_S": "2",
            "CONVERSION_LEASE_S": str(LEASE_S),
            "CONVERSION_RETRY_DELAYS_S": "1,1,1,1,1,1,1,1",
            "BREAKER_OPEN_S": "1",
            "BREAKER_OPEN_MAX_S": "1",
        }
        web = stack.enter_context(
            servers.uvicorn("config.asgi:application", log_file=folder / "web.log", environment=environment)
        )
        # Beat inside the worker: these tests wait for what only time brings back.
        schedule = ["--beat", "--schedule", str(folder / "beat")]
        worker = ["celery", "-A", "config", "worker", "--concurrency", "1", "--without-mingle", *schedule]

        def start_worker() -> "subprocess.Popen[bytes]":
            return stack.enter_context(
                servers.running(
                    *worker, log_file=folder / f"worker-{time.monotonic():.0f}.log", environment=environment
                )
            )

        urls = {"web": web.url, "sandbox": sandbox_server.url}
        yield {"urls": urls, "redis": broker, "start_worker": start_worker}


@pytest.fixture
def stage(processes: dict[str, Any], transactional_db: None) -> Iterator[Stage]:
    app = App.objects.create(slug="demo", android_package="com.example.demo")
    urls = processes["urls"]
    for path in ("_ledger", "_faults"):
        requests.delete(f"{urls['sandbox']}/{path}", timeout=10).raise_for_status()

    def start_worker() -> "subprocess.Popen[bytes]":
        worker: subprocess.Popen[bytes] = processes["start_worker"]()
        running.workers.append(worker)
        return worker

    running = Stage(
        web_url=urls["web"],
        sandbox_url=urls["sandbox"],
        redis=processes["redis"],
        key=ApiKey.objects.issue(caller="backend", app_id=app.pk),
        start_worker=start_worker,
    )
    yield running
    running.redis.process.send_signal(signal.SIGCONT)
    for worker in running.workers:
        children.end(worker, signal.SIGTERM, within_s=10)


def states() -> list[str]:
    return list(Conversion.objects.values_list("state", flat=True))


def await_reported(count: int, *, within_s: float) -> list[str]:
    return eventually(states, lambda found: found == ["reported"] * count, within_s=within_s)


def devices(count: int, *, sends: int = 1) -> list[tuple[str, int, bool]]:
    return sorted((f"a{n:015x}", sends, True) for n in range(count))


def test_storm_of_errors_passes_and_each_is_counted_once(stage: Stage) -> None:
    stage.fault("conversion", "status", status=500, times=25)
    stage.fault("conversion", "reset_before", times=5)
    stage.fault("attribution", "garbage", times=5)
    stage.start_worker()

    stage.report(40)

    assert await_reported(40, within_s=90) == ["reported"] * 40
    assert stage.reports() == devices(40)


def test_slow_answers_are_waited_for_side_by_side(stage: Stage) -> None:
    stage.fault("conversion", "slow", delay_s=0.5)
    stage.start_worker()
    started = time.monotonic()

    stage.report(40)

    assert await_reported(40, within_s=30) == ["reported"] * 40
    assert stage.reports() == devices(40)
    assert time.monotonic() - started < 40 * 0.5


def test_hanging_advertiser_does_not_hold_up_another(stage: Stage) -> None:
    events = []
    for advertiser_id, user in ((1700000000000001, "hangs"), (1700000000000002, "works")):
        device = {"device_id": user, "advertiser_id": advertiser_id}
        requests.post(f"{stage.sandbox_url}/_devices", json=device, timeout=10).raise_for_status()
        events.append({**ACTIVE, "user_id": user, "android_id": user})
    stage.fault("conversion", "hang", match={"advertiser_id": 1700000000000001})
    stage.start_worker()

    hangs, works = (answer["id"] for answer in stage.post(events).json())

    reported = Conversion.objects.filter(pk=works, state="reported")
    assert eventually(reported.exists, bool, within_s=20)
    unknown = Attempt.objects.filter(conversion_id=hangs, kind="report", outcome="unknown")
    assert eventually(unknown.exists, bool, within_s=10)


def test_killed_worker_loses_nothing_and_the_platform_counts_once(stage: Stage) -> None:
    stage.fault("conversion", "hang_after", times=3)
    worker = stage.start_worker()
    stage.report(3)
    assert eventually(lambda: len(stage.reports()), lambda found: found == 3) == 3
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert "reported" not in states()

    stage.start_worker()

    assert await_reported(3, within_s=LEASE_S + 30) == ["reported"] * 3
    assert stage.reports() == devices(3, sends=2)
    outcomes = Attempt.objects.filter(kind="report").order_by("started_at").values_list("outcome", flat=True)
    assert sorted(outcomes) == ["accepted"] * 3 + ["unknown"] * 3


def test_frozen_redis_holds_up_no_event_and_loses_none(stage: Stage) -> None:
    stage.start_worker()
    [warm_up] = stage.report(1)
    assert eventually(Conversion.objects.filter(pk=warm_up, state="reported").exists, bool, within_s=30)
    stage.redis.process.send_signal(signal.SIGSTOP)

    took_s, answers = [], []
    for number in range(1, 21):
        started = time.monotonic()
        answers.append(stage.post({**ACTIVE, "user_id": f"u-{number}", "android_id": f"a{number:015x}"}).status_code)
        took_s.append(time.monotonic() - started)
    stage.redis.process.send_signal(signal.SIGCONT)

    assert answers == [202] * 20
    assert max(took_s) < 2
    assert statistics.median(took_s) < 0.2
    # Celery's pauses between its tries to reconnect grow to 30 s.
    assert await_reported(21, within_s=80) == ["reported"] * 21
    assert stage.reports() == devices(21)


def test_queue_that_redis_lost_is_found_again_by_beat(stage: Stage) -> None:
    stage.report(5)
    assert eventually(lambda: _forget_everything(stage), bool)

    stage.start_worker()

    assert await_reported(5, within_s=30) == ["reported"] * 5


def _forget_everything(stage: Stage) -> bool:
    """Whether there was a nudge in Redis, and now is none."""
    with redis.Redis.from_url(stage.redis.url) as client:
        queued = client.llen("celery")
        client.flushall()
    return bool(queued)
