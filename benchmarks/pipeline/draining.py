"""Conversions out of a worker, which has the server's core to itself, and events through web and worker together."""

import asyncio
import subprocess
import time
from collections.abc import Callable
from typing import Protocol

import psycopg
import requests

from benchmarks import cores
from benchmarks.figures import percentile
from benchmarks.peers import naive_celery
from benchmarks.peers.rivermouth import Site
from benchmarks.pipeline.backend import Backend
from benchmarks.pipeline.callers import call
from benchmarks.pipeline.ocean_engine import OceanEngine
from benchmarks.pipeline.traffic import Traffic
from sandbox.launcher.services import Services

Figures = dict[str, float]

_REPORTED_SQL = "SELECT count(*) FROM attribution_conversion WHERE state = 'reported' AND outer_event_id LIKE %s"
_FILL_LIST = 500
_STALLED_AFTER_S = 60
_WAKE_AFTER_S = 10
_POLL_S = 0.02
_STEADY_PER_S = 50


class Program(Protocol):
    """A worker that is measured, and how its queue is filled. `reported_sql` counts rows by a pattern of event ids."""

    name: str
    reported_sql: str
    services: Services

    async def fill(self, name: str, count: int) -> None: ...

    def start_worker(self) -> "subprocess.Popen[bytes]": ...

    def wake_worker(self) -> None: ...


class Ours:
    """This backend's worker. The events come in as an app would send them."""

    reported_sql = _REPORTED_SQL

    def __init__(self, backend: Backend) -> None:
        self.name = backend.site.name
        self.services = backend.site.services
        self._backend = backend

    async def fill(self, name: str, count: int) -> None:
        await asyncio.to_thread(self._backend.forget_rows)  # every run finds tables of the same size
        async with self._backend.web() as (_, port):
            await asyncio.to_thread(_post, port, self._backend.key, name, count)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return self._backend.site.start_worker()

    def wake_worker(self) -> None:
        self._backend.site.wake_worker()


class Naive:
    """The naive task's worker; its rows and tasks come from a separate script. `site` provides its servers."""

    name = naive_celery.NAME
    reported_sql = naive_celery.REPORTED_SQL

    def __init__(self, site: Site) -> None:
        self.services = site.services
        self._env = naive_celery.environment(site.env)
        naive_celery.prepare(self._env)

    async def fill(self, name: str, count: int) -> None:
        await asyncio.to_thread(naive_celery.enqueue, self._env, name, count)

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return naive_celery.start_worker(self._env)

    def wake_worker(self) -> None:
        """Nothing to do: its tasks stay in the queue until a worker takes them."""


async def drain(program: Program, ocean_engine: OceanEngine, name: str, count: int) -> Figures:
    """From the first request of a worker that finds `count` conversions waiting to the last row marked as reported."""
    await program.fill(name, count)
    ocean_engine.forget()
    postgres_pid = program.services.postgres.process.pid
    process = await asyncio.to_thread(program.start_worker)
    try:
        await _first_lookup(program, ocean_engine)
        before, database_before = cores.usage(process.pid), cores.usage(postgres_pid)
        load_s = time.process_time()
        began_at = ocean_engine.first_at
        await _until(lambda: len(ocean_engine.reports) >= count, progress=lambda: len(ocean_engine.reports))
        await asyncio.to_thread(_await_rows, program, f"{name}-%", count)
        seconds = time.monotonic() - began_at
        cpu_s = cores.usage(process.pid).cpu_s - before.cpu_s
        database_s = cores.usage(postgres_pid).cpu_s - database_before.cpu_s
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


async def _first_lookup(program: Program, ocean_engine: OceanEngine) -> None:
    """Wait for the first look-up. On a busy machine a worker can start after the events' nudges have expired."""
    try:
        async with asyncio.timeout(_WAKE_AFTER_S):
            await _until(lambda: ocean_engine.lookups > 0, progress=lambda: 0)
    except TimeoutError:
        await asyncio.to_thread(program.wake_worker)
        await _until(lambda: ocean_engine.lookups > 0, progress=lambda: 0)


async def steady(backend: Backend, name: str, seconds: float) -> Figures:
    """Web and worker together at a steady trickle: the time from an event's 202 to its report."""
    ocean_engine = backend.ocean_engine
    ocean_engine.forget()
    async with backend.web() as (_, port):
        worker = await asyncio.to_thread(backend.site.start_worker)
        try:
            traffic = Traffic(f"{name}w", key=backend.key, port=port)
            await call(port, lambda: traffic.events(1), seconds=1, at_once=1, per_second=5)
            await _until(lambda: len(ocean_engine.reports) > 0, progress=lambda: 0)
            sent: dict[bytes, float] = {}
            traffic = Traffic(name, key=backend.key, port=port)

            def next_request() -> bytes:
                sent[f"{name}-{len(sent)}".encode()] = time.monotonic()
                return traffic.events(1)

            calls = await call(port, next_request, seconds=seconds, at_once=4, per_second=_STEADY_PER_S)
            reports = ocean_engine.reports
            await _until(lambda: sent.keys() <= reports.keys(), progress=lambda: len(reports))
        finally:
            await asyncio.to_thread(cores.stop_server, worker)
    waits = [(ocean_engine.reports[event_id] - sent_at) * 1e3 for event_id, sent_at in sent.items()]
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
    """Wait while there is progress. Raises: TimeoutError."""
    reached, since = progress(), time.monotonic()
    while not is_so():
        if progress() != reached:
            reached, since = progress(), time.monotonic()
        if time.monotonic() - since > _STALLED_AFTER_S:
            raise TimeoutError(f"no progress for {_STALLED_AFTER_S} s after {reached}")
        await asyncio.sleep(0.005)


def _await_rows(program: Program, name: str, count: int) -> None:
    with psycopg.connect(program.services.database_url, autocommit=True) as connection:
        while connection.execute(program.reported_sql, [name]).fetchall() != [(count,)]:
            time.sleep(_POLL_S)
