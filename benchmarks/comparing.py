"""What runs of the same round say about each other: ratios, noise and verdicts. Pure.

The same code costs more on one day than on another, and in one minute than in the next, so only figures of the same
round are divided by each other. The reference runs twice in each round: how far its two figures lie apart is what the
machine does by itself.
"""

import math
import re
import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.figures import spread_of_rounds

Runs = Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]  # by scenario and program; each run has its "round"

MAX_DIFFERENCE = 0.10  # between the reference's two figures in a round, as a share of the smaller
MIN_ROUNDS = 5  # fewer are on the same side of 1 too often by chance

# The figures by which programs are compared in a scenario, by a pattern of the scenario's name.
_FIGURES = {
    r"set-up": ["cpu_ms_per_stream"],
    r"unpaced|paced \d+": ["cpu_us_per_chunk"],
    r"\d+ conversions|answers after 50 ms|events, .*|clicks": ["per_s", "cpu_ms"],
    r"clicks, 1000/s": ["cpu_ms"],  # the rate is given
}
_MORE_IS_BETTER = {"per_s"}


def figures_of(scenario: str) -> list[str]:
    """The figures that programs are compared by; none for a scenario that is run once for its absolute figures."""
    return next((figures for pattern, figures in _FIGURES.items() if re.fullmatch(pattern, scenario)), [])


def reference_among(programs: Collection[str], candidates: Sequence[str]) -> str | None:
    """The first candidate that takes part. With one program alone there is nothing to compare."""
    return next((name for name in candidates if name in programs and len(programs) > 1), None)


def ratios(of: Sequence[Mapping[str, float]], to: Sequence[Mapping[str, float]], figure: str) -> list[float]:
    """`of` divided by `to`, one ratio for each round that has both; several runs of a round count as their mean."""
    dividends, divisors = _by_round(of, figure), _by_round(to, figure)
    return [
        statistics.mean(dividends[number]) / statistics.mean(divisors[number])
        for number in sorted(dividends.keys() & divisors.keys())
    ]


def differences(of_reference: Sequence[Mapping[str, float]], figure: str) -> list[float]:
    """For each round with two runs: the distance between the two, as a share of the smaller."""
    pairs = [values for values in _by_round(of_reference, figure).values() if len(values) > 1]
    return [max(values) / min(values) - 1 for values in pairs]


def is_noisy(found: Collection[float]) -> bool:
    return any(difference > MAX_DIFFERENCE for difference in found)


def noise(runs: Runs, candidates: Sequence[str]) -> list[dict[str, Any]]:
    """For each scenario and figure with a reference that ran twice: its differences by round, and the verdict."""
    found: list[dict[str, Any]] = []
    for scenario, of_programs in runs.items():
        reference = reference_among(of_programs, candidates)
        if reference is None:
            continue
        for figure in figures_of(scenario):
            apart = differences(of_programs[reference], figure)
            if apart:
                found.append(
                    {
                        "scenario": scenario,
                        "figure": figure,
                        "reference": reference,
                        "differences": apart,
                        "is_noisy": is_noisy(apart),
                    }
                )
    return found


def in_words(found: Mapping[str, Any]) -> str:
    """One entry of `noise` as a line of text."""
    apart = ", ".join(f"{difference:.0%}" for difference in found["differences"])
    judged = "NOISY" if found["is_noisy"] else "calm"
    return (
        f"{found['scenario']}: {judged}: {found['reference']}, twice in each round: {apart} apart ({found['figure']})"
    )


def against(runs: Runs, pairs: Mapping[str, str]) -> list[dict[str, Any]]:
    """New code beside old code: `pairs` has each new program's name with the old one's. Ratios are new / old."""
    return [
        {
            "scenario": scenario,
            "program": new,
            "figure": figure,
            "new": statistics.median(run[figure] for run in of_programs[new]),
            "old": statistics.median(run[figure] for run in of_programs[old]),
            "ratios": found,
            "verdict": verdict(found, is_more_better=figure in _MORE_IS_BETTER),
        }
        for scenario, of_programs in runs.items()
        for new, old in pairs.items()
        if new in of_programs and old in of_programs
        for figure in figures_of(scenario)
        if (found := ratios(of_programs[new], of_programs[old], figure))
    ]


def verdict(of: Sequence[float], *, is_more_better: bool) -> str:
    """Better or worse only where the whole spread is on one side of 1."""
    if len(of) < MIN_ROUNDS:
        return f"fewer than {MIN_ROUNDS} rounds: no verdict"
    found = spread_of_rounds(of)
    if found.low <= 1 <= found.high:
        return "no difference outside the spread"
    word = "better" if (found.median > 1) == is_more_better else "worse"
    return f"{abs(found.median - 1):.1%} {word}"


def _by_round(runs: Sequence[Mapping[str, float]], figure: str) -> dict[float, list[float]]:
    """The figure's values by round, without those that are not a positive number: nothing can be divided by them."""
    found: dict[float, list[float]] = {}
    for run in runs:
        if not math.isnan(run[figure]) and run[figure] > 0:
            found.setdefault(run["round"], []).append(run[figure])
    return found
