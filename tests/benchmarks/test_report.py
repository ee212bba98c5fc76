"""The tables."""

from typing import Any

from benchmarks import report
from benchmarks.__main__ import judged


def _paced(number: int, cpu: float, p50: float, p99: float, load: float, errors: int = 0) -> dict[str, float]:
    return {
        "round": number,
        "cpu_us_per_chunk": cpu,
        "delay_p50_ms": p50,
        "delay_p99_ms": p99,
        "load_share": load,
        "errors": errors,
    }


def _results(**more: Any) -> dict[str, Any]:
    paced = {
        "direct": [_paced(0, 0.0, 0.1, 1.0, 0.2)],
        "nginx": [_paced(0, 20.0, 0.2, 1.5, 0.3), _paced(0, 24.0, 0.4, 2.5, 0.5)],
        "slow": [_paced(0, 440.0, 9.1, 81.0, 0.1, errors=7)],
    }
    return judged(
        {
            "machine": {"cores": "2", "commit": "abc"},
            "is_quick": False,
            "relay": {
                "runs": {"paced 100": paced},
                "commits": {"paced 100": "abc", "idle": "def", "abort": "abc"},
                "not_installed": {"other": "no compiler"},
            },
            **more,
        }
    )


def test_costs_are_compared_with_nginx() -> None:
    lines = report.markdown(_results()).splitlines()

    assert "- cores: 2" in lines
    assert "| relay | 100 streams |" in lines
    assert "| nginx | 22.0 (20.0 – 24.0) |" in lines
    assert "| slow | 440 |" in lines
    assert "| slow | 20.00 (20.00 – 20.00) |" in lines
    assert "| nginx | 0.20 (0.10 – 0.30) | 1.00 (0.50 – 1.50) |" in lines
    assert "| slow | 9.00 (9.00 – 9.00) | 80.0 (80.0 – 80.0) |" in lines
    assert "The load's core was busy for 50% at most in the paced runs." in lines
    assert "Not measured: other: no compiler." in lines
    assert "Measured at abc: paced 100, abort; at def: idle." in lines


def test_a_noisy_run_says_so_first() -> None:
    lines = report.markdown(_results()).splitlines()

    [first] = [line for line in lines if line.startswith("**This run is noisy**")]
    assert lines.index(first) < lines.index("## Relay")
    assert "- paced 100: NOISY: nginx, twice in each round: 20% apart (cpu_us_per_chunk)" in lines


def test_two_checkouts_stand_beside_each_other() -> None:
    old = "rivermouth (/old)"
    runs = {
        "1000 conversions": {
            "rivermouth": [_drained(number, 400.0 + 2 * number) for number in range(5)],
            old: [_drained(number, per_s) for number in range(5) for per_s in (498.0, 502.0)],
        }
    }

    lines = report.markdown(_results(pipeline={"runs": runs}, against={"name": old, "commit": "def"})).splitlines()

    assert f"## {old} and this checkout" in lines
    assert "| 1000 conversions | rivermouth | per_s | 404 | 500 | 0.808 (0.800 – 0.816) | 5 | 19.2% worse |" in lines
    assert "| 1000 conversions | rivermouth | cpu_ms | 2.00 | 2.00 | 1.000 (1.000 – 1.000) | 5 | " in "\n".join(lines)
    assert f"- 1000 conversions: calm: {old}, twice in each round: 1%, 1%, 1%, 1%, 1% apart (per_s)" in lines


def _drained(number: int, per_s: float) -> dict[str, float]:
    return {
        "round": number,
        "per_s": per_s,
        "cpu_ms": 2.0,
        "database_cpu_ms": 0.5,
        "server_share": 0.9,
        "duplicates": 0,
    }
