"""The pipeline's scenarios in rounds: events and clicks in at the web server, conversions out of the worker."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks import comparing
from benchmarks.peers.rivermouth import Site
from benchmarks.pipeline import intake
from benchmarks.pipeline.backend import Backend, prepare
from benchmarks.pipeline.draining import Naive, Ours, Program, drain, steady
from benchmarks.pipeline.intake import Figures
from benchmarks.pipeline.ocean_engine import OceanEngine
from benchmarks.rounds import order

T = TypeVar("T")
Results = dict[str, dict[str, list[Figures]]]  # by scenario and program: the figures of each run, and its "round"

_CONVERSIONS = {f"{count} conversions": count for count in (100, 200, 1000, 10_000)}  # that wait for the worker
_SLOW, _SLOW_S = "answers after 50 ms", 0.05  # for each answer of Ocean Engine
_SLOW_CONVERSIONS = 500
_STEADY, _STEADY_S = "steady", 10
_NAIVE_MAX = 1000  # more would take minutes, and a task costs the same however long the queue is

SCENARIOS = [*intake.SCENARIOS, "100 conversions", "1000 conversions", "10000 conversions", _SLOW, _STEADY]
QUICK_SCENARIOS = [*intake.SCENARIOS, "200 conversions"]


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """The programs and scenarios of this run."""

    backends: Sequence[Backend]
    naive: Sequence[Naive]
    ocean_engine: OceanEngine
    wanted: Collection[str]
    candidates: Sequence[str]
    intake_s: float
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)  # counts runs, to keep their ids apart

    def wants(self, *scenarios: str) -> list[str]:
        return [scenario for scenario in scenarios if scenario in self.wanted]

    def next_name(self) -> str:
        return f"run{next(self.numbers)}"


async def measure(
    sites: Sequence[Site],
    *,
    has_naive: bool,
    wanted: Collection[str],
    rounds: int,
    intake_s: float,
    candidates: Sequence[str],
) -> Results:
    """The scenarios that are wanted, of each site and, where it is not too slow for it, of the naive task.

    The first of the `candidates` that takes part in a scenario is its reference.
    """
    ocean_engine = OceanEngine()
    async with ocean_engine.serving():
        backends = [await asyncio.to_thread(prepare, site, ocean_engine) for site in sites]
        bench = _Bench(
            backends=backends,
            naive=[await asyncio.to_thread(Naive, backends[0].site)] if has_naive else [],
            ocean_engine=ocean_engine,
            wanted=wanted,
            candidates=candidates,
            intake_s=intake_s,
        )
        results: Results = {}
        for number in range(rounds):
            async for scenario, program, figures in _round(bench, number):
                runs = results.setdefault(scenario, {}).setdefault(program, [])
                runs.append({"round": number, **figures})
                values = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
                print(f"{scenario:22} {program:24} {values}", flush=True)
    for found in comparing.noise(results, candidates):
        print(comparing.in_words(found), flush=True)
    return results


async def _round(bench: _Bench, number: int) -> AsyncIterator[tuple[str, str, Figures]]:
    """Each scenario once: its name, the program's and its figures."""
    if wanted := bench.wants(*intake.SCENARIOS):
        for backend in _order(bench, {each.site.name: each for each in bench.backends}, number):
            measured = intake.measure(backend, bench.next_name(), seconds=bench.intake_s, wanted=wanted)
            async for scenario, figures in measured:
                yield scenario, backend.site.name, figures
    for scenario in bench.wants(*_CONVERSIONS):
        async for program, figures in _drains(bench, _CONVERSIONS[scenario], number):
            yield scenario, program, figures
    if bench.wants(_SLOW):
        bench.ocean_engine.delay_s = _SLOW_S
        async for program, figures in _drains(bench, _SLOW_CONVERSIONS, number):
            yield _SLOW, program, figures
        bench.ocean_engine.delay_s = 0.0
    if bench.wants(_STEADY):
        for backend in bench.backends:
            yield _STEADY, backend.site.name, await steady(backend, bench.next_name(), _STEADY_S)


async def _drains(bench: _Bench, count: int, number: int) -> AsyncIterator[tuple[str, Figures]]:
    ours = [Ours(backend) for backend in bench.backends]
    programs: list[Program] = [*ours, *(bench.naive if count <= _NAIVE_MAX else [])]
    for program in _order(bench, {each.name: each for each in programs}, number):
        yield program.name, await drain(program, bench.ocean_engine, bench.next_name(), count)


def _order(bench: _Bench, by_name: Mapping[str, T], number: int) -> list[T]:
    """One round, by name; the reference twice."""
    reference = comparing.reference_among(by_name, bench.candidates)
    return [by_name[name] for name in order(list(by_name), reference=reference, number=number)]
