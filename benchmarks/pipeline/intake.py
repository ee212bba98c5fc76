"""Events and clicks into one web process, which has the server's core to itself; no worker runs beside it."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from functools import partial

from benchmarks import cores
from benchmarks.figures import percentile
from benchmarks.pipeline.backend import Backend
from benchmarks.pipeline.callers import call
from benchmarks.pipeline.traffic import Traffic

Figures = dict[str, float]

_AT_ONCE = 32
_LISTS_AT_ONCE = 4
_LIST = 100


@dataclass(frozen=True, kw_only=True)
class _Load:
    """Requests on `at_once` connections, each with `items` events. `per_second` None: as fast as they are answered."""

    next_request: Callable[[], bytes]
    items: int = 1
    at_once: int = _AT_ONCE
    per_second: float | None = None


SCENARIOS = ["events, lists of 100", "events, singly", "clicks", "clicks, 1000/s"]


async def measure(
    backend: Backend, name: str, *, seconds: float, wanted: Collection[str]
) -> AsyncIterator[tuple[str, Figures]]:
    """The wanted scenarios, each for the given number of seconds, on one web process. `name` keeps runs apart."""
    async with backend.web() as (process, port):
        for scenario, load in _loads(Traffic(name, key=backend.key, port=port), backend.monitor_path).items():
            if scenario in wanted:
                yield scenario, await _run(process, port, load, seconds)
    await asyncio.to_thread(backend.forget_rows)


def _loads(traffic: Traffic, monitor_path: str) -> dict[str, _Load]:
    click = traffic.clicks_on(monitor_path)
    loads = [
        _Load(next_request=partial(traffic.events, _LIST), items=_LIST, at_once=_LISTS_AT_ONCE),
        _Load(next_request=partial(traffic.events, 1)),
        _Load(next_request=click),
        _Load(next_request=click, per_second=1000),
    ]
    return dict(zip(SCENARIOS, loads, strict=True))


async def _run(process: "subprocess.Popen[bytes]", port: int, load: _Load, seconds: float) -> Figures:
    await call(port, load.next_request, seconds=1, at_once=load.at_once)  # warm
    before, load_s, began_at = cores.usage(process.pid), time.process_time(), time.monotonic()
    calls = await call(port, load.next_request, seconds=seconds, at_once=load.at_once, per_second=load.per_second)
    took_s = time.monotonic() - began_at
    cpu_s = cores.usage(process.pid).cpu_s - before.cpu_s
    count = len(calls.latencies) * load.items
    return {
        "per_s": count / took_s,
        "cpu_ms": cpu_s * 1e3 / count,
        "p50_ms": percentile(calls.latencies, 50) / 1e6,
        "p99_ms": percentile(calls.latencies, 99) / 1e6,
        "errors": calls.errors,
        "server_share": cpu_s / took_s,
        "load_share": (time.process_time() - load_s) / took_s,
    }
