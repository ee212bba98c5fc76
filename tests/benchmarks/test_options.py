"""The command line: what is measured by default, and where the results go."""

from pathlib import Path

import pytest

from benchmarks.__main__ import judged, options_of
from benchmarks.peers import LOCAL

ROOT = Path(__file__).resolve().parent.parent.parent


def test_everything_is_measured_and_committed_by_default() -> None:
    options = options_of([])

    assert options.parts == ["relay", "pipeline", "admin"]
    assert {"paced 500", "clicks", "10000 conversions"} <= set(options.scenarios)
    assert {"nginx", "litellm", "naive_celery", "app"} <= set(options.peers)
    assert options.rounds == 3
    assert options.results == ROOT / "benchmarks" / "results"


def test_against_compares_what_no_change_may_make_dearer() -> None:
    options = options_of(["--against", str(ROOT)])

    assert options.parts == ["relay", "pipeline"]
    assert options.scenarios == ["set-up", "paced 500", "1000 conversions"]
    assert options.peers == ["nginx", "rivermouth", "app"]
    assert options.rounds == 5
    assert options.results == LOCAL / "results"


def test_scenarios_and_peers_are_lists() -> None:
    options = options_of(["--scenarios", "paced-500,clicks-1000-s", "--peers", "nginx,rivermouth", "--rounds", "7"])

    assert options.scenarios == ["paced 500", "clicks, 1000/s"]
    assert options.parts == ["relay", "pipeline"]
    assert (options.peers, options.rounds) == (["nginx", "rivermouth"], 7)
    assert options.results == LOCAL / "results"


def test_scenarios_alone_are_measured_again_for_the_committed_results() -> None:
    options = options_of(["--scenarios", "set-up"])

    assert options.parts == ["relay"]
    assert options.results == ROOT / "benchmarks" / "results"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenarios", "paced-7"], "unknown: paced-7; there are set-up, unpaced, paced-5"),
        (["--peers", "apache"], "unknown: apache; there are nginx, bare_asgi"),
        (["--against", "/nowhere"], "/nowhere has no Procfile"),
    ],
)
def test_what_does_not_exist_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options_of(arguments)

    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("second", "is_noisy"), [(10.5, False), (13.0, True)])
def test_results_say_whether_they_are_noisy(second: float, is_noisy: bool) -> None:
    nginx = [{"round": 0, "cpu_us_per_chunk": 10.0}, {"round": 0, "cpu_us_per_chunk": second}]
    ours = [{"round": 0, "cpu_us_per_chunk": 15.0}]

    results = judged({"relay": {"runs": {"paced 500": {"nginx": nginx, "rivermouth": ours}}}})

    assert results["is_noisy"] is is_noisy
    assert [each["is_noisy"] for each in results["relay"]["noise"]] == [is_noisy]
    assert "against" not in results["relay"]
