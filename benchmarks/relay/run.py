"""Takes all relays through all scenarios in rounds, so that anything that slows the machine down slows all of them."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import comparing, cores
from benchmarks.peers import NotInstalled, Relay
from benchmarks.peers.rivermouth import Site
from benchmarks.relay import scenarios
from benchmarks.relay.provider import Provider
from benchmarks.relay.scenarios import Figures
from benchmarks.rounds import order

DIRECT = "direct"
# Packages of benchmarks/peers.
PEERS = ["nginx", "bare_asgi", "go", "nestjs", "portkey", "litellm"]
QUICK_PEERS = ["nginx", "go"]
_SET_UP, _PACED_100 = "set-up", "paced 100"
SCENARIOS = [_SET_UP, "unpaced", "paced 5", "paced 50", _PACED_100, "paced 500", "idle", "abort", "most streams"]
QUICK_SCENARIOS = [_SET_UP, _PACED_100, "paced 500"]
# A relay that cannot keep up with this many streams is not asked to hold more.
_MIN_DELIVERED = 0.9

Results = dict[str, dict[str, list[Figures]]]  # by scenario and relay: the figures of each run, and its "round"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`run` does it once; `needs` names the lighter scenario in which a relay must have kept up."""

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
    # A chat on the app profile goes on without its client for as long as the client may come back.
    only=lambda relay: not relay.is_resumable,
)
_MOST_STREAMS = Scenario(
    name="most streams",
    rounds=1,
    run=lambda relay, provider: scenarios.most_streams(relay, provider, seconds=2),
    has_direct=False,
)


def plan(*, is_quick: bool, names: Sequence[str], rounds: int) -> list[Scenario]:
    """The scenarios of these names; `rounds` for those by which relays are compared."""
    seconds = 2.0 if is_quick else 4.0
    every = [
        _unpaced(_SET_UP, tokens=1, rounds=rounds, seconds=seconds),
        _unpaced("unpaced", tokens=100, rounds=rounds, seconds=seconds),
        _paced(5, rounds=rounds, seconds=2 * seconds),  # few chunks
        _paced(50, rounds=rounds, seconds=seconds),
        _paced(100, rounds=rounds, seconds=seconds),
        _paced(500, rounds=rounds, seconds=seconds, needs=_PACED_100),
        _IDLE,
        _ABORT,
        _MOST_STREAMS,
    ]
    return [scenario for scenario in every if scenario.name in names]


def _unpaced(name: str, *, tokens: int, rounds: int, seconds: float) -> Scenario:
    async def run(relay: Relay, provider: Provider) -> Figures:
        return await scenarios.unpaced(relay, provider, tokens=tokens, at_once=8, seconds=seconds)

    return Scenario(name=name, rounds=rounds, run=run)


def _paced(streams: int, *, rounds: int, seconds: float, needs: str | None = None) -> Scenario:
    async def run(relay: Relay, provider: Provider) -> Figures:
        return await scenarios.paced(relay, provider, streams=streams, seconds=seconds)

    return Scenario(name=f"paced {streams}", rounds=rounds, run=run, needs=needs)


async def measure(
    planned: Sequence[Scenario],
    *,
    peers: Sequence[str],
    sites: Sequence[Site],
    is_wanted: Callable[[Relay], bool],
    candidates: Sequence[str],
) -> tuple[Results, dict[str, str]]:
    """Run the plan with these peers and with those relays of the sites that are wanted.

    The first of the `candidates` that takes part is the reference. Returns the results, and the reason for each peer
    that is missing.
    """
    provider = Provider()
    async with provider.serving():
        others, not_installed = await asyncio.to_thread(_start_peers, peers, provider.port)
        ours: list[Relay] = []
        try:
            for site in sites:
                ours += await asyncio.to_thread(site.start_relays, provider.port)
            relays = [Relay(name=DIRECT, port=provider.port), *others, *filter(is_wanted, ours)]
            results = await _in_rounds(planned, relays, provider, candidates)
        finally:
            for process in {relay.process for relay in [*others, *ours] if relay.process is not None}:
                cores.stop_server(process)
    return results, not_installed


async def _in_rounds(
    planned: Sequence[Scenario], relays: Sequence[Relay], provider: Provider, candidates: Sequence[str]
) -> Results:
    results: Results = {}
    for scenario in planned:
        asked = [relay for relay in relays if _is_asked(scenario, relay, results)]
        reference = _reference(scenario, asked, candidates)
        runs = results[scenario.name] = {relay.name: [] for relay in asked}
        for number in range(scenario.rounds):
            for relay in order(asked, reference=reference, number=number):
                figures = await scenario.run(relay, provider)
                runs[relay.name].append({"round": number, **figures})
                _show(scenario, relay, figures)
        for found in comparing.noise({scenario.name: runs}, candidates):
            print(comparing.in_words(found), flush=True)
    return results


def _reference(scenario: Scenario, asked: Sequence[Relay], candidates: Sequence[str]) -> Relay | None:
    """The relay that runs twice in each round; none where relays are not compared by a figure."""
    by_name = {relay.name: relay for relay in asked}
    name = comparing.reference_among(by_name, candidates) if comparing.figures_of(scenario.name) else None
    return None if name is None else by_name[name]


def _start_peers(peers: Sequence[str], upstream_port: int) -> tuple[list[Relay], dict[str, str]]:
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
    return relays, not_installed


def _is_asked(scenario: Scenario, relay: Relay, results: Results) -> bool:
    if (relay.name == DIRECT and not scenario.has_direct) or not scenario.only(relay):
        return False
    if scenario.needs is None:
        return True
    lighter = results.get(scenario.needs, {}).get(relay.name)
    return lighter is None or any(run["delivered"] > _MIN_DELIVERED for run in lighter)


def _show(scenario: Scenario, relay: Relay, figures: Figures) -> None:
    values = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
    print(f"{scenario.name:13} {relay.name:36} {values}", flush=True)
