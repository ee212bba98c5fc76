"""Ratios, noise and verdicts of runs in the same rounds."""

import math

import pytest

from benchmarks import comparing


def _runs(*values: tuple[int, float]) -> list[dict[str, float]]:
    return [{"round": number, "cpu_us_per_chunk": value} for number, value in values]


def test_a_machine_that_slows_down_changes_no_ratio() -> None:
    nginx = _runs((0, 10.0), (0, 10.0), (1, 20.0), (1, 20.0))
    ours = _runs((0, 15.0), (1, 30.0))

    assert comparing.ratios(ours, nginx, "cpu_us_per_chunk") == [1.5, 1.5]


def test_ratio_is_to_the_mean_of_both_runs_and_of_rounds_that_have_both() -> None:
    nginx = _runs((0, 8.0), (0, 12.0), (1, 10.0), (2, math.nan), (3, 0.0))
    ours = _runs((0, 15.0), (2, 15.0), (3, 15.0), (4, 15.0))

    assert comparing.ratios(ours, nginx, "cpu_us_per_chunk") == [1.5]


@pytest.mark.parametrize(("second", "is_noisy"), [(10.9, False), (9.2, False), (11.2, True), (8.9, True)])
def test_noisy_is_a_reference_that_differs_from_itself_by_a_tenth(second: float, is_noisy: bool) -> None:
    runs = {
        "paced 500": {
            "direct": _runs((0, 0.0)),
            "nginx": _runs((0, 10.0), (0, second), (1, 10.0), (1, 10.0)),
            "rivermouth": _runs((0, 1.0), (0, 100.0)),
        }
    }

    [found] = comparing.noise(runs, ["nginx"])

    assert found["is_noisy"] is is_noisy
    assert found["differences"] == pytest.approx([max(10.0, second) / min(10.0, second) - 1, 0])
    words = comparing.in_words(found)
    assert words.startswith(f"paced 500: {'NOISY' if is_noisy else 'calm'}: nginx, twice in each round: ")


def test_no_noise_is_claimed_of_what_ran_once() -> None:
    once = {"paced 500": {"nginx": _runs((0, 10.0), (1, 20.0)), "rivermouth": _runs((0, 1.0))}}
    not_compared = {"idle": {"nginx": [{"round": 0, "errors": 0.0}], "rivermouth": [{"round": 0, "errors": 0.0}]}}

    assert comparing.noise(once | not_compared, ["nginx"]) == []


def test_the_reference_is_the_first_candidate_that_takes_part() -> None:
    assert comparing.reference_among(["old", "nginx", "new"], ["nginx", "old"]) == "nginx"
    assert comparing.reference_among(["old", "new"], ["nginx", "old"]) == "old"
    assert comparing.reference_among(["new"], ["nginx", "old"]) is None
    assert comparing.reference_among(["nginx"], ["nginx", "old"]) is None


@pytest.mark.parametrize(
    ("ratios", "is_more_better", "expected"),
    [
        ([1.02, 1.03, 1.04, 1.02, 1.05], False, "3.0% worse"),
        ([1.02, 1.03, 1.04, 1.02, 1.05], True, "3.0% better"),
        ([0.90, 0.91, 0.92, 0.93, 0.94], False, "8.0% better"),
        ([0.90, 0.91, 0.92, 0.93, 0.94], True, "8.0% worse"),
        ([1.20, 1.03, 1.04, 1.02, 0.99], False, "no difference outside the spread"),
        ([1.5, 1.5, 1.5, 1.5], False, "fewer than 5 rounds: no verdict"),
        # One outlier does not hide what eight rounds say.
        ([1.03] * 8 + [0.80], False, "3.0% worse"),
    ],
)
def test_worse_is_only_what_is_outside_the_spread(ratios: list[float], is_more_better: bool, expected: str) -> None:
    assert comparing.verdict(ratios, is_more_better=is_more_better) == expected


def test_new_code_is_compared_with_old_code_round_by_round() -> None:
    runs = {
        "paced 500": {
            "rivermouth": _runs(*((number, 10.0 + number) for number in range(5))),
            "rivermouth (/old)": _runs(*((number, 20.0 + 2 * number) for number in range(5))),
        },
        "paced 100": {"rivermouth": _runs((0, 10.0))},
    }

    [found] = comparing.against(runs, {"rivermouth": "rivermouth (/old)", "rivermouth, app": "rivermouth (/old), app"})

    assert found == {
        "scenario": "paced 500",
        "program": "rivermouth",
        "figure": "cpu_us_per_chunk",
        "new": 12.0,
        "old": 24.0,
        "ratios": [0.5] * 5,
        "verdict": "50.0% better",
    }
