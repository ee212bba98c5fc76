"""All relays through all scenarios, in turns: a machine that changes its mood does so to all of them."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import cores
from benchmarks.peers import NotInstalled, Relay, rivermouth
from benchmarks.relay import scenarios
from benchmarks.relay.provider import Provider
from benchmarks.relay.scenarios import Figures

DIRECT = "direct"
# Packages of benchmarks/peers. The first is what all others are compared with.
PEERS = ["nginx", "bare_asgi", "go", "nestjs", "portkey", "litellm"]
QUICK_PEERS = ["nginx", "bare_asgi", "go"]
# A relay that does not keep up with so many streams is not asked to hold more.
_MIN_DELIVERED = 0.9

Results = dict[str, dict[str, list[Figures]]]  # by scenario and relay: the figures of each run


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`run` does it once; `needs` names the lighter scenario that a relay must have stood."""

    name: str
    rounds: int
    run: Callable[[Relay, Provider], Awaitable[Figures]]
    needs: str | None = None
    has_direct: bool = True
    only: Callable[[Relay], bool] = lambda relay: True


def plan(*, is_quick: bool) -> list[Scenario]:
    """What is measured, and how often."""
    rounds, seconds = (2, 2.0) if is_quick else (3, 4.0)
    set_up = _unpaced("set-up", tokens=1, rounds=1 if is_quick else rounds, seconds=seconds)
    paced_100 = _paced(100, rounds=1 if is_quick else rounds, seconds=seconds)
    paced_500 = _paced(500, rounds=rounds, seconds=seconds, needs=paced_100.name)
    if is_quick:
        return [set_up, paced_100, paced_500]
    return [
        set_up,
        _unpaced("unpaced", tokens=100, rounds=rounds, seconds=seconds),
        _paced(5, rounds=rounds, seconds=2 * seconds),  # few chunks, and CPU time comes in ticks
        _paced(50, rounds=rounds, seconds=seconds),
        paced_100,
        paced_500,
        Scenario(
            name="idle",
            rounds=1,
            run=lambda relay, provider: scenarios.idle(relay, provider, streams=1000),
            has_direct=False,
        ),
        Scenario(
            name="abort",
            rounds=1,
            run=lambda relay, provider: scenarios.abort(relay, provider, times=20),
            has_direct=False,
            # An app's chat goes on without its client, for as long as the client may come back.
            only=lambda relay: not relay.is_resumable,
        ),
        Scenario(
            name="most streams",
            rounds=1,
            run=lambda relay, provider: scenarios.most_streams(relay, provider, seconds=2),
            has_direct=False,
        ),
    ]


def _unpaced(name: str, *, tokens: int, rounds: int, seconds: float) -> Scenario:
    async def run(relay: Relay, provider: Provider) -> Figures:
        return await scenarios.unpaced(relay, provider, tokens=tokens, at_once=8, seconds=seconds)

    return Scenario(name=name, rounds=rounds, run=run)


def _paced(streams: int, *, rounds: int, seconds: float, needs: str | None = None) -> Scenario:
    async def run(relay: Relay, provider: Provider) -> Figures:
        return await scenarios.paced(relay, provider, streams=streams, seconds=seconds)

    return Scenario(name=f"paced {streams}", rounds=rounds, run=run, needs=needs)


async def measure(
    planned: Sequence[Scenario], peers: Sequence[str], env: dict[str, str]
) -> tuple[Results, dict[str, str]]:
    """Run the plan. Returns the results, and why the others of the peers are not among them."""
    provider = Provider()
    async with provider.serving():
        relays, not_installed = await asyncio.to_thread(_start_all, peers, provider.port, env)
        try:
            results = await _in_turns(planned, [Relay(name=DIRECT, port=provider.port), *relays], provider)
        finally:
            for process in {relay.process for relay in relays if relay.process is not None}:
                cores.stop_server(process)
    return results, not_installed


async def _in_turns(planned: Sequence[Scenario], relays: Sequence[Relay], provider: Provider) -> Results:
    results: Results = {}
    for scenario in planned:
        results[scenario.name] = {}
        for _ in range(scenario.rounds):
            for relay in relays:
                if _is_asked(scenario, relay, results):
                    figures = await scenario.run(relay, provider)
                    results[scenario.name].setdefault(relay.name, []).append(figures)
                    _show(scenario, relay, figures)
    return results


def _start_all(peers: Sequence[str], upstream_port: int, env: dict[str, str]) -> tuple[list[Relay], dict[str, str]]:
    relays: list[Relay] = []
    not_installed: dict[str, str] = {}
    for peer in peers:
        module = importlib.import_module(f"benchmarks.peers.{peer}")
        try:
            module.install()
            relays.append(module.start(upstream_port))
        except NotInstalled as err:
            not_installed[module.NAME] = str(err)
            print(f"{module.NAME}: not installed: {err}", flush=True)
    return [*relays, *rivermouth.start(upstream_port, env)], not_installed


def _is_asked(scenario: Scenario, relay: Relay, results: Results) -> bool:
    if (relay.name == DIRECT and not scenario.has_direct) or not scenario.only(relay):
        return False
    if scenario.needs is None:
        return True
    lighter = results[scenario.needs].get(relay.name, [])
    return any(run["delivered"] > _MIN_DELIVERED for run in lighter)


def _show(scenario: Scenario, relay: Relay, figures: Figures) -> None:
    values = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
    print(f"{scenario.name:13} {relay.name:24} {values}", flush=True)
