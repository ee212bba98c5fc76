"""Events and clicks in at the web server, conversions out of the worker, each of them alone on the server's core."""

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
import requests

from benchmarks import cores
from benchmarks.figures import percentile
from benchmarks.peers import naive_celery, rivermouth
from benchmarks.pipeline.callers import Calls, call
from benchmarks.pipeline.ocean_engine import OceanEngine
from benchmarks.pipeline.traffic import Traffic
from sandbox.launcher.services import Services

Figures = dict[str, float]
Results = dict[str, dict[str, list[Figures]]]  # by scenario and program: the figures of each run

_REPORTED_SQL = "SELECT count(*) FROM attribution_conversion WHERE state = 'reported' AND outer_event_id LIKE %s"
_AT_ONCE = 32
_LISTS_AT_ONCE = 4
_LIST = 100
_FILL_LIST = 500
_STALLED_AFTER_S = 60
_POLL_S = 0.02
_MONITOR_PATH = re.compile(r"/track/oceanengine/[^/?]+/")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of each."""

    rounds: int
    intake_s: float
    conversions: Sequence[int]  # waiting for the worker; each a scenario
    slow_conversions: int  # with an Ocean Engine that takes `SLOW_S` for each answer
    steady_s: float


FULL = Sizes(rounds=3, intake_s=6, conversions=[100, 1000, 10_000], slow_conversions=500, steady_s=10)
QUICK = Sizes(rounds=1, intake_s=1.5, conversions=[200], slow_conversions=0, steady_s=0)
_NAIVE_MAX = 1000  # it would take minutes, and a task costs the same whatever the queue holds
SLOW_S = 0.05
_STEADY_PER_S = 50


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """What all scenarios share."""

    env: Mapping[str, str]
    services: Services
    ocean_engine: OceanEngine
    key: str
    monitor_path: str


async def measure(env: Mapping[str, str], services: Services, sizes: Sizes) -> Results:
    ocean_engine = OceanEngine()
    async with ocean_engine.serving():
        bench = await asyncio.to_thread(_prepare, env, services, ocean_engine)
        results: Results = {}
        for number in range(sizes.rounds):
            async for scenario, program, figures in _round(bench, sizes, number):
                results.setdefault(scenario, {}).setdefault(program, []).append(figures)
                values = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
                print(f"{scenario:22} {program:18} {values}", flush=True)
    return results


async def _round(bench: _Bench, sizes: Sizes, number: int) -> AsyncIterator[tuple[str, str, Figures]]:
    """Each scenario once: its name, the program's and its figures."""
    async for scenario, figures in _intake(bench, sizes, f"in{number}"):
        yield scenario, rivermouth.NAME, figures
    for count in sizes.conversions:
        for program in (_Ours(bench), _Naive(bench)) if count <= _NAIVE_MAX else (_Ours(bench),):
            yield f"{count} conversions", program.name, await _drain(bench, program, f"r{number}-{count}", count)
    if sizes.slow_conversions:
        for program in (_Ours(bench), _Naive(bench)):
            bench.ocean_engine.delay_s = SLOW_S
            figures = await _drain(bench, program, f"s{number}", sizes.slow_conversions)
            bench.ocean_engine.delay_s = 0.0
            yield "answers after 50 ms", program.name, figures
    if sizes.steady_s:
        yield "steady", rivermouth.NAME, await _steady(bench, f"st{number}", sizes.steady_s)


def _prepare(env: Mapping[str, str], services: Services, ocean_engine: OceanEngine) -> _Bench:
    env = {**env, "OCEANENGINE_BASE_URL": f"http://127.0.0.1:{ocean_engine.port}"}
    link = rivermouth.manage(env, "add_app", "bench", "--android", "com.example.bench")
    path = _MONITOR_PATH.search(link)
    if path is None:
        raise RuntimeError(f"add_app printed no monitor link: {link}")
    key = rivermouth.manage(env, "issue_key", "bench-app", "--app", "bench")
    naive_celery.prepare(naive_celery.environment(env))
    return _Bench(env=env, services=services, ocean_engine=ocean_engine, key=key, monitor_path=path[0])


# --- In ---------------------------------------------------------------------------------------------------------------


async def _intake(bench: _Bench, sizes: Sizes, name: str) -> AsyncIterator[tuple[str, Figures]]:
    """What one web process takes, without a worker beside it."""
    async with _web(bench) as (process, port):
        traffic = Traffic(name, key=bench.key, port=port)
        click = traffic.clicks_on(bench.monitor_path)
        yield (
            "events, lists of 100",
            await _load(process, port, lambda: traffic.events(_LIST), sizes, items=_LIST, at_once=_LISTS_AT_ONCE),
        )
        yield "events, singly", await _load(process, port, lambda: traffic.events(1), sizes)
        yield "clicks", await _load(process, port, click, sizes)
        yield "clicks, 1000/s", await _load(process, port, click, sizes, per_second=1000)
    await asyncio.to_thread(_execute, bench, "TRUNCATE attribution_conversion, attribution_click CASCADE")


async def _load(
    process: "subprocess.Popen[bytes]",
    port: int,
    next_request: Callable[[], bytes],
    sizes: Sizes,
    *,
    items: int = 1,
    at_once: int = _AT_ONCE,
    per_second: float | None = None,
) -> Figures:
    await call(port, next_request, seconds=1, at_once=at_once)  # warm
    before, load_s, began_at = cores.usage(process.pid), time.process_time(), time.monotonic()
    calls: Calls = await call(port, next_request, seconds=sizes.intake_s, at_once=at_once, per_second=per_second)
    seconds = time.monotonic() - began_at
    cpu_s = cores.usage(process.pid).cpu_s - before.cpu_s
    count = len(calls.latencies) * items
    return {
        "per_s": count / seconds,
        "cpu_ms": cpu_s * 1e3 / count,
        "p50_ms": percentile(calls.latencies, 50) / 1e6,
        "p99_ms": percentile(calls.latencies, 99) / 1e6,
        "errors": calls.errors,
        "server_share": cpu_s / seconds,
        "load_share": (time.process_time() - load_s) / seconds,
    }


@asynccontextmanager
async def _web(bench: _Bench) -> AsyncIterator[tuple["subprocess.Popen[bytes]", int]]:
    process, port = await asyncio.to_thread(rivermouth.start_web, bench.env)
    try:
        yield process, port
    finally:
        await asyncio.to_thread(cores.stop_server, process)


# --- Out --------------------------------------------------------------------------------------------------------------


class _Ours:
    """This backend's worker. The events come in as an app would send them."""

    name = rivermouth.NAME
    reported_sql = _REPORTED_SQL

    def __init__(self, bench: _Bench) -> None:
        self._bench = bench

    async def fill(self, name: str, count: int) -> None:
        async with _web(self._bench) as (_, port):
            await asyncio.to_thread(_post, port, self._bench.key, name, count)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return rivermouth.start_worker(self._bench.env)


class _Naive:
    """The naive task's worker; its rows and tasks come from a script of its own."""

    name = naive_celery.NAME
    reported_sql = naive_celery.REPORTED_SQL

    def __init__(self, bench: _Bench) -> None:
        self._env = naive_celery.environment(bench.env)

    async def fill(self, name: str, count: int) -> None:
        await asyncio.to_thread(naive_celery.enqueue, self._env, name, count)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return naive_celery.start_worker(self._env)


async def _drain(bench: _Bench, program: _Ours | _Naive, name: str, count: int) -> Figures:
    """From the first request of a worker that finds `count` conversions waiting to the last row marked as reported."""
    ocean_engine = bench.ocean_engine
    await program.fill(name, count)
    ocean_engine.forget()
    process = await asyncio.to_thread(program.start_worker)
    try:
        await _until(lambda: ocean_engine.lookups > 0, progress=lambda: 0)
        before, database_before = cores.usage(process.pid), cores.usage(bench.services.postgres.process.pid)
        load_s = time.process_time()
        began_at = ocean_engine.first_at
        await _until(lambda: len(ocean_engine.reports) >= count, progress=lambda: len(ocean_engine.reports))
        await asyncio.to_thread(_await_rows, bench, program.reported_sql, f"{name}-%", count)
        seconds = time.monotonic() - began_at
        cpu_s = cores.usage(process.pid).cpu_s - before.cpu_s
        database_s = cores.usage(bench.services.postgres.process.pid).cpu_s - database_before.cpu_s
    finally:
        await asyncio.to_thread(cores.stop_server, process)
    return {
        "per_s": count / seconds,
        "cpu_ms": cpu_s * 1e3 / count,
        "database_cpu_ms": database_s * 1e3 / count,
        "lookups": ocean_engine.lookups / count,
        "duplicates": ocean_engine.duplicates,
        "server_share": cpu_s / seconds,
        "load_share": (time.process_time() - load_s) / seconds,
    }


async def _steady(bench: _Bench, name: str, seconds: float) -> Figures:
    """Web and worker together at a steady trickle: how long after its 202 an event has been reported."""
    bench.ocean_engine.forget()
    async with _web(bench) as (_, port):
        worker = await asyncio.to_thread(rivermouth.start_worker, bench.env)
        try:
            traffic = Traffic(f"{name}w", key=bench.key, port=port)
            await call(port, lambda: traffic.events(1), seconds=1, at_once=1, per_second=5)
            await _until(lambda: len(bench.ocean_engine.reports) > 0, progress=lambda: 0)
            sent: dict[bytes, float] = {}
            traffic = Traffic(name, key=bench.key, port=port)

            def next_request() -> bytes:
                sent[f"{name}-{len(sent)}".encode()] = time.monotonic()
                return traffic.events(1)

            calls = await call(port, next_request, seconds=seconds, at_once=4, per_second=_STEADY_PER_S)
            reports = bench.ocean_engine.reports
            await _until(lambda: sent.keys() <= reports.keys(), progress=lambda: len(reports))
        finally:
            await asyncio.to_thread(cores.stop_server, worker)
    waits = [(bench.ocean_engine.reports[event_id] - sent_at) * 1e3 for event_id, sent_at in sent.items()]
    return {"p50_ms": percentile(waits, 50), "p99_ms": percentile(waits, 99), "errors": calls.errors}


def _post(port: int, key: str, name: str, count: int) -> None:
    traffic = Traffic(name, key=key, port=port)
    for start in range(0, count, _FILL_LIST):
        response = requests.post(
            f"http://127.0.0.1:{port}/api/events/",
            json=[traffic.event() for _ in range(min(_FILL_LIST, count - start))],
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        response.raise_for_status()


async def _until(is_so: Callable[[], bool], *, progress: Callable[[], int]) -> None:
    """Wait as long as there is progress. Raises: TimeoutError."""
    reached, since = progress(), time.monotonic()
    while not is_so():
        if progress() != reached:
            reached, since = progress(), time.monotonic()
        if time.monotonic() - since > _STALLED_AFTER_S:
            raise TimeoutError(f"no progress for {_STALLED_AFTER_S} s after {reached}")
        await asyncio.sleep(0.005)


def _await_rows(bench: _Bench, sql: str, name: str, count: int) -> None:
    with psycopg.connect(bench.services.database_url, autocommit=True) as connection:
        while connection.execute(sql, [name]).fetchall() != [(count,)]:
            time.sleep(_POLL_S)


def _execute(bench: _Bench, sql: str) -> None:
    with psycopg.connect(bench.services.database_url) as connection:
        connection.execute(sql)
