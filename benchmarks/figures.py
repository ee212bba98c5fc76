"""Reduces many measurements to a few figures. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Two-sided error, the least that five rounds can give: five coin tosses come out equal in one of 16 cases.
MAX_ERROR = 1 / 16


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several runs."""

    median: float
    low: float
    high: float


def spread(runs: Sequence[float]) -> Spread:
    return Spread(statistics.median(runs), min(runs), max(runs))


def spread_of_rounds(ratios: Sequence[float]) -> Spread:
    """The median, and an interval that holds the true median in 15 of 16 cases, whatever the distribution.

    Up to 8 ratios that is the least to the most (below 5 it holds less). With more of them the outermost are left
    out, one at each end from 9, two from 12 and so on, so that more rounds narrow it in spite of a few outliers.
    """
    ordered = sorted(ratios)
    left_out = 0
    while _error(len(ordered), left_out + 1) <= MAX_ERROR:
        left_out += 1
    return Spread(statistics.median(ordered), ordered[left_out], ordered[-1 - left_out])


def percentile(measured: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least measured value that at least `percent` % do not exceed; nan of nothing."""
    if not measured:
        return math.nan
    rank = max(math.ceil(len(measured) * percent / 100), 1)
    return sorted(measured)[rank - 1]


def _error(count: int, left_out: int) -> float:
    """The probability that the true median lies outside the values left when `left_out` are dropped at each end."""
    outside = 2 * sum(math.comb(count, each) for each in range(left_out + 1))
    return outside / float(2**count)
