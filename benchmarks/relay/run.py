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
QUICK_PEERS = ["nginx", "go"]
_SET_UP, _PACED_100 = "set-up", "paced 100"
SCENARIOS = [_SET_UP, "unpaced", "paced 5", "paced 50", _PACED_100, "paced 500", "idle", "abort", "most streams"]
QUICK_SCENARIOS = [_SET_UP, _PACED_100, "paced 500"]
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


_IDLE = Scenario(
    name="idle",
    rounds=1,
    run=lambda relay, provider: scenarios.idle(relay, provider, streams=1000),
    has_direct=False,
)
_ABORT = Scenario(
    name="abort",
    rounds=1,
    run=lambda relay, provider: scenarios.abort(relay, provider, times=20),
    has_direct=False,
    # An app's chat goes on without its client, for as long as the client may come back.
    only=lambda relay: not relay.is_resumable,
)
_MOST_STREAMS = Scenario(
    name="most streams",
    rounds=1,
    run=lambda relay, provider: scenarios.most_streams(relay, provider, seconds=2),
    has_direct=False,
)


def plan(*, is_quick: bool, names: Sequence[str] | None = None) -> list[Scenario]:
    """What is measured, and how often; `names`: these scenarios instead of all."""
    rounds, seconds = (1, 2.0) if is_quick else (3, 4.0)
    every = [
        _unpaced(_SET_UP, tokens=1, rounds=rounds, seconds=seconds),
        _unpaced("unpaced", tokens=100, rounds=rounds, seconds=seconds),
        _paced(5, rounds=rounds, seconds=2 * seconds),  # few chunks, and CPU time comes in ticks
        _paced(50, rounds=rounds, seconds=seconds),
        _paced(100, rounds=rounds, seconds=seconds),
        _paced(500, rounds=rounds, seconds=seconds, needs=_PACED_100),
        _IDLE,
        _ABORT,
        _MOST_STREAMS,
    ]
    wanted = names or (QUICK_SCENARIOS if is_quick else SCENARIOS)
    return [scenario for scenario in every if scenario.name in wanted]


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
    lighter = results.get(scenario.needs, {}).get(relay.name)
    return lighter is None or any(run["delivered"] > _MIN_DELIVERED for run in lighter)


def _show(scenario: Scenario, relay: Relay, figures: Figures) -> None:
    values = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
    print(f"{scenario.name:13} {relay.name:24} {values}", flush=True)
