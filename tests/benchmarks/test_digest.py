"""The README's table."""

from pathlib import Path

import pytest

from benchmarks import digest

RELAY = {
    "paced 500": {
        "direct": [{"delay_p99_ms": 1.0}],
        "nginx": [{"cpu_us_per_chunk": 10.0, "delay_p99_ms": 1.5}, {"cpu_us_per_chunk": 12.0, "delay_p99_ms": 2.0}],
        "rivermouth": [{"cpu_us_per_chunk": 16.0, "delay_p99_ms": 0.5}],
    },
    "most streams": {"rivermouth": [{"streams": 1600, "is_load_limit": 1.0}]},
}
PIPELINE = {
    "clicks": {"rivermouth": [{"per_s": 1.0}]},
    "1000 conversions": {
        "rivermouth": [{"per_s": 700.0, "cpu_ms": 1.25, "duplicates": 0}],
        "naive": [{"per_s": 38.0, "cpu_ms": 9.5, "duplicates": 3}],
    },
}


def test_readme_has_the_figures_and_keeps_its_words(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Words\n\n{digest.BEGIN}\n| old |\n{digest.END}\n\nMore words\n")

    digest.write_into(readme, {"relay": {"runs": RELAY}, "pipeline": {"runs": PIPELINE}})

    text = readme.read_text()
    assert text.startswith("# Words\n\n")
    assert text.endswith("\n\nMore words\n")
    lines = text.splitlines()
    assert "| nginx | – | 11.0 | – | 0.75 | – |" in lines
    assert "| rivermouth | – | 16.0 | – | 0.00 | ≥ 1,600 |" in lines
    assert "| naive | 38.0 | 9.50 | 3.00 |" in lines
    assert "| old |" not in lines


def test_readme_without_marks_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Words\n")

    with pytest.raises(ValueError, match=r"README\.md has no"):
        digest.write_into(readme, {})
