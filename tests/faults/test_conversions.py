"""What the world does to conversions: a real web server and worker, killed, frozen and lied to.

The processes are this module's own: short delays, and a Redis that can be stopped.
"""

import itertools
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
import requests
from django.db import connection
from django.utils import timezone

from attribution.models import App, Attempt, Conversion
from foundation.access.models import ApiKey
from sandbox.launcher import children, services
from tests import servers
from tests.servers import Server, eventually

ACTIVE = {"event": "active", "os": "android"}
LEASE_S = 13
RUSH = 300


@dataclass(kw_only=True)
class Stage:
    """Processes that a test may start, stop and kill."""

    web_url: str
    sandbox_url: str
    redis: services.Server
    key: str
    start_redis: Callable[[], services.Server]
    start_web: Callable[[], Server]
    start_worker: Callable[[], "subprocess.Popen[bytes]"]
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def report(self, count: int) -> list[str]:
        """Report one activation for each of this many users; returns their ids."""
        events = [{**ACTIVE, "user_id": f"u-{n}", "android_id": f"a{n:015x}"} for n in range(count)]
        return [answer["id"] for answer in self.post(events).json()]

    def post(self, body: Any, *, to: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.post(f"{to or self.web_url}/api/events/", json=body, headers=headers, timeout=30)

    def kill_redis(self) -> None:
        self.redis.process.kill()
        self.redis.process.wait()

    def restart_redis(self) -> None:
        self.redis = self.start_redis()

    def fault(self, on: str, kind: str, **parameters: Any) -> None:
        body = {"on": on, "kind": kind, **parameters}
        requests.post(f"{self.sandbox_url}/_faults", json=body, timeout=10).raise_for_status()

    def reports(self) -> list[tuple[str, int, bool]]:
        """For each conversion the platform counts: device, how often it was sent, and whether bodies were equal."""
        found = requests.get(f"{self.sandbox_url}/_ledger", timeout=10).json()["conversions"]
        return sorted((each["device_id"], each["sends"], each["identical_bodies"]) for each in found)


@pytest.fixture(scope="module")
def processes(
    django_db_setup: None, sandbox_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        broker = services.start_redis(folder)

        def start_redis() -> services.Server:
            """Start the next Redis under the same URL, once the last one has ended."""
            server = found["redis"] = services.start_redis(folder, url=broker.url)
            return server

        found: dict[str, Any] = {"redis": broker, "start_redis": start_redis}
        stack.callback(lambda: found["redis"].stop())
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

        numbers = itertools.count()

        def start_web() -> Server:
            log_file = folder / f"web-{next(numbers)}.log"
            return stack.enter_context(
                servers.uvicorn("config.asgi:application", log_file=log_file, environment=environment)
            )

        def start_worker() -> "subprocess.Popen[bytes]":
            """With a beat inside: these tests wait for what only time brings back. Two of them share no file.

            As in the Procfile without gossip, whose end after a loss of Redis took the worker along (celery 5.7.0).
            """
            number = next(numbers)
            worker = ["celery", "-A", "config", "worker", "--concurrency", "1", "--without-gossip", "--without-mingle"]
            beat = ["--beat", "--schedule", str(folder / f"beat-{number}")]
            return stack.enter_context(
                servers.running(*worker, *beat, log_file=folder / f"worker-{number}.log", environment=environment)
            )

        urls = {"web": start_web().url, "sandbox": sandbox_server.url}
        found |= {"urls": urls, "start_web": start_web, "start_worker": start_worker}
        yield found


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
        start_redis=processes["start_redis"],
        start_web=processes["start_web"],
        key=ApiKey.objects.issue(caller="backend", app_slug=app.slug),
        start_worker=start_worker,
    )
    yield running
    if running.redis.process.poll() is not None:
        running.restart_redis()
    running.redis.process.send_signal(signal.SIGCONT)
    for worker in running.workers:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGCONT)  # a frozen one would outlive the run
        worker.terminate()
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


def test_worker_killed_in_the_rush_reports_each_once_with_the_same_body(stage: Stage) -> None:
    stage.fault("conversion", "slow", delay_s=0.2)
    worker = stage.start_worker()
    stage.report(RUSH)
    assert eventually(lambda: len(stage.reports()), lambda found: found >= RUSH // 5) < RUSH
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    under_way = Conversion.objects.filter(lease_token__isnull=False).count()

    for _ in range(2):  # side by side
        stage.start_worker()

    assert await_reported(RUSH, within_s=LEASE_S + 60) == ["reported"] * RUSH
    assert under_way >= 100
    ledger = stage.reports()
    assert [(device, is_identical) for device, _, is_identical in ledger] == [(d, same) for d, _, same in devices(RUSH)]
    assert {sends for _, sends, _ in ledger} == {1, 2}
    # Each report that left has an attempt, including the dead worker's.
    assert Attempt.objects.filter(kind="report").count() >= sum(sends for _, sends, _ in ledger)


def test_worker_frozen_in_the_rush_sends_nothing_once_its_lease_is_over(stage: Stage) -> None:
    stage.fault("conversion", "slow", delay_s=0.8)
    worker = stage.start_worker()
    stage.report(RUSH)
    assert eventually(lambda: len(stage.reports()), lambda found: found >= RUSH // 5) < RUSH
    os.killpg(worker.pid, signal.SIGSTOP)
    without_answer = _sent(stage) - _reported()

    stage.start_worker()
    assert await_reported(RUSH, within_s=LEASE_S + 60) == ["reported"] * RUSH
    os.killpg(worker.pid, signal.SIGCONT)

    did_not_leave = Attempt.objects.filter(message="not sent: the lease was over", outcome="unavailable")
    assert eventually(did_not_leave.exists, bool)
    ledger = stage.reports()
    assert [(device, is_identical) for device, _, is_identical in ledger] == [(d, same) for d, _, same in devices(RUSH)]
    assert {device for device, sends, _ in ledger if sends > 1} <= without_answer
    assert states() == ["reported"] * RUSH


def _sent(stage: Stage) -> set[str]:
    return {device for device, _, _ in stage.reports()}


def _reported() -> set[str]:
    numbers = (user_id.removeprefix("u-") for user_id in _user_ids("reported"))
    return {f"a{int(number):015x}" for number in numbers}


def _user_ids(state: str) -> list[str]:
    return list(Conversion.objects.filter(state=state).values_list("user_id", flat=True))


def test_database_that_drops_the_worker_in_the_rush_makes_it_forget_no_answer(stage: Stage) -> None:
    stage.fault("conversion", "slow", delay_s=0.3)
    stage.start_worker()
    stage.report(RUSH)

    for sent in range(30, RUSH - 30, 60):
        assert eventually(lambda: len(stage.reports()), lambda found: found >= sent) >= sent  # noqa: B023  # called here
        _drop_all_other_connections()

    assert await_reported(RUSH, within_s=LEASE_S + 60) == ["reported"] * RUSH
    assert stage.reports() == devices(RUSH)


def _drop_all_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_web_killed_while_events_come_in_has_stored_each_that_it_took(stage: Stage) -> None:
    web = stage.start_web()
    taken: dict[str, str] = {}

    def keep_posting(caller: int) -> None:
        for number in itertools.count():
            user_ids = [f"c{caller}-{number}-{item}" for item in range(1 + caller % 3)]
            events = [{**ACTIVE, "user_id": user_id, "android_id": user_id} for user_id in user_ids]
            try:
                answer = stage.post(events, to=web.url)
            except requests.RequestException:  # killed, possibly in the middle of an answer
                return
            assert answer.status_code == 202
            taken.update(zip(user_ids, (each["id"] for each in answer.json()), strict=True))

    with ThreadPoolExecutor(8) as callers:
        posting = [callers.submit(keep_posting, caller) for caller in range(8)]
        eventually(lambda: len(taken), lambda found: found >= RUSH)
        web.process.kill()
        for each in posting:
            each.result()

    stored = {user_id: str(pk) for user_id, pk in Conversion.objects.values_list("user_id", "pk")}
    assert len(taken) >= RUSH
    assert {user_id: stored.get(user_id) for user_id in taken} == taken


def test_redis_that_is_killed_and_comes_back_empty_is_found_again_by_all(stage: Stage) -> None:
    worker = stage.start_worker()
    [warm_up] = stage.report(1)
    assert eventually(Conversion.objects.filter(pk=warm_up, state="reported").exists, bool, within_s=30)
    stage.kill_redis()
    answers = [
        stage.post({**ACTIVE, "user_id": f"u-{number}", "android_id": f"a{number:015x}"}).status_code
        for number in range(1, 11)
    ]

    stage.restart_redis()

    assert answers == [202] * 10
    # Celery's pauses between its tries to reconnect grow to 30 s.
    assert await_reported(11, within_s=80) == ["reported"] * 11
    assert stage.reports() == devices(11)
    # Nothing announces this one: only beat, and the worker that it wakes, can find it.
    Conversion.objects.filter(pk=warm_up).update(state="pending", finished_at=None, due_at=timezone.now())
    assert await_reported(11, within_s=30) == ["reported"] * 11
    assert eventually(lambda: servers.status(stage.web_url)["ok"], bool)
    assert worker.poll() is None


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
    """Delete the nudge in Redis; returns whether there was one."""
    with redis.Redis.from_url(stage.redis.url) as client:
        queued = client.llen("celery")
        client.flushall()
    return bool(queued)
