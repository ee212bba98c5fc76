"""The figures of many measurements."""

import math

import pytest

from benchmarks.figures import Spread, percentile, spread, spread_of_rounds


@pytest.mark.parametrize(
    ("measured", "percent", "expected"),
    [
        ([7], 50, 7),
        ([3, 1, 2], 50, 2),
        ([4, 3, 2, 1], 50, 2),
        (range(1, 101), 99, 99),
        (range(1, 102), 99, 100),
        (range(1, 11), 99, 10),
        (range(1, 11), 0, 1),
    ],
)
def test_percentile_is_a_measured_value(measured: list[float], percent: float, expected: float) -> None:
    assert percentile(measured, percent) == expected


def test_percentile_of_nothing_is_nan() -> None:
    assert math.isnan(percentile([], 99))


def test_spread_has_the_extremes() -> None:
    assert spread([3.0, 9.0, 1.0, 4.0]) == Spread(median=3.5, low=1.0, high=9.0)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(1, 0, 0), (5, 0, 4), (8, 0, 7), (9, 1, 7), (11, 1, 9), (12, 2, 9), (15, 3, 11)]
)
def test_spread_of_rounds_leaves_out_what_many_rounds_can_spare(count: int, low: float, high: float) -> None:
    ratios = [float(value) for value in range(count)]

    assert spread_of_rounds(ratios[::-1]) == Spread(median=(count - 1) / 2, low=low, high=high)
