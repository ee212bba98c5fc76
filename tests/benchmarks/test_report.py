"""The tables."""

from benchmarks import report


def test_costs_are_compared_with_nginx() -> None:
    paced = {
        "direct": [{"cpu_us_per_chunk": 0.0, "delay_p50_ms": 0.1, "delay_p99_ms": 1.0, "load_share": 0.2, "errors": 0}],
        "nginx": [
            {"cpu_us_per_chunk": 20.0, "delay_p50_ms": 0.2, "delay_p99_ms": 1.5, "load_share": 0.3, "errors": 0},
            {"cpu_us_per_chunk": 24.0, "delay_p50_ms": 0.4, "delay_p99_ms": 2.5, "load_share": 0.5, "errors": 0},
        ],
        "slow": [
            {"cpu_us_per_chunk": 440.0, "delay_p50_ms": 9.1, "delay_p99_ms": 81.0, "load_share": 0.1, "errors": 7}
        ],
    }
    results = {
        "machine": {"cores": "2"},
        "is_quick": False,
        "relay": {
            "runs": {"paced 100": paced},
            "commits": {"paced 100": "abc", "idle": "def", "abort": "abc"},
            "not_installed": {"other": "no compiler"},
        },
    }

    lines = report.markdown(results).splitlines()

    assert "- cores: 2" in lines
    assert "| nginx | – | – | 22.0 [1.00] (20.0 – 24.0) | – | – | – |" in lines
    assert "| slow | – | – | 440 [20.00] (440 – 440) | – | – | – |" in lines
    assert "| nginx | 0.20 (0.10 – 0.30) | 1.00 (0.50 – 1.50) | – | – | – | – |" in lines
    assert "| slow | 9.00 (9.00 – 9.00) | 80.0 (80.0 – 80.0) | – | – | – | – |" in lines
    assert "The load's core was busy for 50% at most in the paced runs." in lines
    assert "Not measured: other: no compiler." in lines
    assert "Measured at abc: paced 100, abort; at def: idle." in lines
