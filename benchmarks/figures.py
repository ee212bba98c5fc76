"""From many measurements to few figures. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure of several runs."""

    median: float
    low: float
    high: float


def spread(runs: Sequence[float]) -> Spread:
    return Spread(statistics.median(runs), min(runs), max(runs))


def percentile(measured: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least measured value that at least `percent` % do not exceed; nan of nothing."""
    if not measured:
        return math.nan
    rank = max(math.ceil(len(measured) * percent / 100), 1)
    return sorted(measured)[rank - 1]
