"""The results as Markdown tables. Pure: measurements in, text out."""

import math
from typing import Any

from benchmarks import comparing
from benchmarks.admin import summary as admin_summary
from benchmarks.figures import Spread, spread, spread_of_rounds
from benchmarks.tables import number, table

_UNIT_OF_COMPARISON = "nginx"
_NOISY = (
    "**This run is noisy**: the same program, run twice in a round, differed from itself by more than "
    f"{comparing.MAX_DIFFERENCE:.0%}. See which scenarios below; run again on a quiet machine before believing them."
)
_SPREAD = "the median of the rounds (the spread: least – most; from 9 rounds on without the outermost)"
_DIRECT = "direct"
_OURS = "rivermouth"

Runs = dict[str, dict[str, list[dict[str, float]]]]


def markdown(results: dict[str, Any]) -> str:
    lines = ["# Results", "", "Median of the runs (least – most). Written by `make bench`; see docs/benchmarks.md.", ""]
    lines += [f"- {name}: {value}" for name, value in results["machine"].items()]
    if results["is_quick"]:
        lines.append("- quick form: fewer peers, scenarios and runs")
    if results["is_noisy"]:
        lines += ["", _NOISY]
    if "against" in results:
        lines += ["", *_against(results)]
    if "relay" in results:
        lines += ["", *_relay(results["relay"])]
    if "pipeline" in results:
        lines += ["", *_pipeline(results["pipeline"])]
    if "admin" in results:
        lines += ["", *admin_summary.lines(results["admin"])]
    return "\n".join(lines) + "\n"


# --- Two checkouts ----------------------------------------------------------------------------------------------------


def _against(results: dict[str, Any]) -> list[str]:
    """New code beside old code."""
    new, old = results["machine"]["commit"], results["against"]
    head = ["scenario", "program", "figure", "new", "old", "new / old", "rounds", "verdict"]
    found = [each for part in ("relay", "pipeline") for each in results.get(part, {}).get("against", [])]
    return [
        f"## {old['name']} and this checkout",
        "",
        f"New is {new}, old is {old['commit']}. New / old is {_SPREAD}, each ratio of one round.",
        "Better or worse is only what lies outside the spread.",
        "",
        *table(head, [_pair(each) for each in found]),
    ]


def _pair(each: dict[str, Any]) -> list[str]:
    return [
        each["scenario"],
        each["program"],
        each["figure"],
        number(each["new"]),
        number(each["old"]),
        _ratio(each["ratios"]),
        str(len(each["ratios"])),
        each["verdict"],
    ]


def _ratio(ratios: list[float]) -> str:
    found = spread_of_rounds(ratios)
    return f"{found.median:.3f} ({found.low:.3f} – {found.high:.3f})"


def _noise(part: dict[str, Any]) -> list[str]:
    lines = [f"- {comparing.in_words(each)}" for each in part["noise"]]
    return ["", *(lines or ["Nothing ran twice in a round, so it is not known how noisy this run was."])]


# --- Relay ------------------------------------------------------------------------------------------------------------


def _relay(part: dict[str, Any]) -> list[str]:
    runs: Runs = part["runs"]
    lines = ["## Relay", "", "CPU of the server's process tree, on a core of its own: µs a chunk, ms a stream.", ""]
    costs = _measured(_COSTS, runs)
    lines += table(
        ["relay", *costs],
        [[relay, *(_ranged(runs, of[0], relay, of[1]) for of in costs.values())] for relay in relays(runs)],
    )
    if _UNIT_OF_COMPARISON in relays(runs):
        lines += ["", f"Times nginx in the same round: {_SPREAD}.", ""]
        lines += table(
            ["relay", *costs],
            [
                [relay, *(_times(runs, relay, *of) for of in costs.values())]
                for relay in relays(runs)
                if relay != _UNIT_OF_COMPARISON
            ],
        )
    lines += _noise(part)
    lines += ["", "Milliseconds that the relay adds to a token's way, against the same load without a relay.", ""]
    delays = _measured(_DELAYS, runs)
    lines += table(
        ["relay", *delays],
        [[relay, *(_added(runs, relay, *of) for of in delays.values())] for relay in relays(runs)],
    )
    if "idle" in runs:
        lines += ["", "Open streams, and what happens when the client leaves.", ""]
        lines += table(
            ["relay", *_HOLDING],
            [[relay, *(_plain(runs, relay, *of) for of in _HOLDING.values())] for relay in relays(runs)],
        )
    lines += ["", f"The load's core was busy for {_load_share(runs):.0%} at most in the paced runs.", ""]
    lines += [f"Not measured: {name}: {reason}." for name, reason in part["not_installed"].items()]
    lines += _commits(part["commits"])
    return lines


def _commits(commits: dict[str, str]) -> list[str]:
    """The commit that each scenario was measured on, if there are several."""
    by_commit: dict[str, list[str]] = {}
    for scenario, commit in commits.items():
        by_commit.setdefault(commit, []).append(scenario)
    if len(by_commit) < 2:
        return []
    return [
        "",
        "Measured at " + "; at ".join(f"{commit}: {', '.join(names)}" for commit, names in by_commit.items()) + ".",
    ]


_COSTS = {
    "5 streams": ("paced 5", "cpu_us_per_chunk"),
    "50 streams": ("paced 50", "cpu_us_per_chunk"),
    "100 streams": ("paced 100", "cpu_us_per_chunk"),
    "500 streams": ("paced 500", "cpu_us_per_chunk"),
    "unpaced": ("unpaced", "cpu_us_per_chunk"),
    "ms a stream": ("set-up", "cpu_ms_per_stream"),
}
_DELAYS = {
    "p50, 100 streams": ("paced 100", "delay_p50_ms"),
    "p99": ("paced 100", "delay_p99_ms"),
    "p50, 500 streams": ("paced 500", "delay_p50_ms"),
    "p99 ": ("paced 500", "delay_p99_ms"),
    "first token p50": ("set-up", "first_token_p50_ms"),
    "p99  ": ("set-up", "first_token_p99_ms"),
}
_HOLDING = {
    "KB a stream": ("idle", "rss_kb_per_stream"),
    "threads a stream": ("idle", "threads_per_stream"),
    "provider left after ms": ("abort", "abort_p50_ms"),
    "at most": ("abort", "abort_max_ms"),
    "streams with p99 < 50 ms": ("most streams", "streams"),
    "errors in all": ("*", "errors"),
}


def _measured(columns: dict[str, tuple[str, str]], runs: Runs) -> dict[str, tuple[str, str]]:
    """The columns of the scenarios that were run."""
    return {title: of for title, of in columns.items() if of[0] in runs}


def relays(runs: Runs) -> list[str]:
    names: dict[str, None] = {}
    for of_scenario in runs.values():
        names |= dict.fromkeys(of_scenario)
    return [name for name in names if name != _DIRECT]


def spread_of(runs: Runs, relay: str, scenario: str, figure: str) -> Spread | None:
    values = [run[figure] for run in runs.get(scenario, {}).get(relay, [])]
    return spread(values) if values and not any(map(math.isnan, values)) else None


def _times(runs: Runs, relay: str, scenario: str, figure: str) -> str:
    of_programs = runs.get(scenario, {})
    found = comparing.ratios(of_programs.get(relay, []), of_programs.get(_UNIT_OF_COMPARISON, []), figure)
    if not found:
        return "–"
    within = spread_of_rounds(found)
    return f"{within.median:.2f} ({within.low:.2f} – {within.high:.2f})"


def _added(runs: Runs, relay: str, scenario: str, figure: str) -> str:
    found, straight = spread_of(runs, relay, scenario, figure), spread_of(runs, _DIRECT, scenario, figure)
    if found is None or straight is None:
        return "–"
    added = [max(value - straight.median, 0) for value in (found.median, found.low, found.high)]
    return f"{number(added[0])} ({number(added[1])} – {number(added[2])})"


def _plain(runs: Runs, relay: str, scenario: str, figure: str) -> str:
    if scenario == "*":
        return number(sum(run[figure] for of in runs.values() for run in of.get(relay, [])))
    found = spread_of(runs, relay, scenario, figure)
    if found is None:
        return "–"
    is_load_limit = any(run.get("is_load_limit") for run in runs[scenario][relay])
    return ("≥ " if is_load_limit else "") + number(found.median)


def _load_share(runs: Runs) -> float:
    shares = [
        run["load_share"]
        for name, of in runs.items()
        if name.startswith("paced")
        for of_one in of.values()
        for run in of_one
    ]
    return max(shares, default=0.0)


# --- Pipeline ---------------------------------------------------------------------------------------------------------

_INTAKE = ["events, lists of 100", "events, singly", "clicks", "clicks, 1000/s"]


def _pipeline(part: dict[str, Any]) -> list[str]:
    runs: Runs = part["runs"]
    head = ["into one web process", "a second", "CPU ms each", "p50 ms", "p99 ms", "core used", "errors"]
    figures = ["per_s", "cpu_ms", "p50_ms", "p99_ms", "server_share", "errors"]
    lines = ["## Pipeline"]
    taken_in = [(name, program) for name in _INTAKE for program in runs.get(name, {})]
    if taken_in:
        lines += ["", "The web process has a core of its own; PostgreSQL is on the load's.", ""]
        lines += table(head, [[_in(*each), *(_ranged(runs, *each, of) for of in figures)] for each in taken_in])
    lines += ["", "Conversions out of a worker on a core of its own, from the first look-up to the last row.", ""]
    head = ["", "worker", "a second", "CPU ms each", "PostgreSQL's CPU ms each", "core used", "sent twice"]
    figures = ["per_s", "cpu_ms", "database_cpu_ms", "server_share", "duplicates"]
    lines += table(
        head,
        [
            [scenario, program, *(_ranged(runs, scenario, program, of) for of in figures)]
            for scenario, of_programs in runs.items()
            for program in of_programs
            if scenario not in [*_INTAKE, "steady"]
        ],
    )
    lines += _noise(part)
    if "steady" in runs:
        p50, p99 = (_ranged(runs, "steady", _OURS, of) for of in ("p50_ms", "p99_ms"))
        lines += ["", f"At 50 events a second, web and worker on one core: reported after {p50} ms, p99 {p99} ms."]
    return lines


def _in(scenario: str, program: str) -> str:
    return scenario if program == _OURS else f"{scenario}: {program}"


def _ranged(runs: Runs, scenario: str, program: str, figure: str) -> str:
    found = spread_of(runs, program, scenario, figure)
    if found is None:
        return "–"
    if found.low == found.high:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)} – {number(found.high)})"
