"""The README's table: the results that a stranger wants to know. Pure, except `write_into`."""

from pathlib import Path
from typing import Any

from benchmarks.report import relays, spread_of
from benchmarks.tables import number, table

BEGIN, END = "<!-- of make bench -->", "<!-- end -->"
_RELAY = {
    "CPU µs a chunk, 100 streams": ("paced 100", "cpu_us_per_chunk"),
    "500 streams": ("paced 500", "cpu_us_per_chunk"),
    "CPU ms to set a stream up": ("set-up", "cpu_ms_per_stream"),
    "p99 added at 500 streams, ms": ("paced 500", "delay_p99_ms"),
    "streams a core carries": ("most streams", "streams"),
}
_ADDED_TO = "direct"


def lines(results: dict[str, Any]) -> list[str]:
    """What was measured of the relay and the pipeline."""
    found: list[str] = []
    if "relay" in results:
        runs = results["relay"]["runs"]
        rows = [[relay, *(_cell(runs, relay, *of) for of in _RELAY.values())] for relay in relays(runs)]
        found += table(["relay", *_RELAY], rows)
    if "pipeline" in results:
        runs = results["pipeline"]["runs"]
        *_, compared = (name for name, of in runs.items() if name.endswith(" conversions") and len(of) > 1)  # the most
        rows = [
            [program, *(_cell(runs, program, compared, figure) for figure in ("per_s", "cpu_ms", "duplicates"))]
            for program in runs[compared]
        ]
        found += ["", *table(["worker, one core", "conversions a second", "CPU ms each", "sent twice"], rows)]
    return found


def write_into(readme: Path, results: dict[str, Any]) -> None:
    """Replace the text between the two marks."""
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme.name} has no {BEGIN} … {END}")
    readme.write_text("\n".join([before + BEGIN, "", *lines(results), "", END + after]))


def _cell(runs: dict[str, Any], of: str, scenario: str, figure: str) -> str:
    found = spread_of(runs, of, scenario, figure)
    if found is None:
        return "–"
    value = found.median
    if figure.startswith("delay") and (straight := spread_of(runs, _ADDED_TO, scenario, figure)):
        value = max(value - straight.median, 0)
    is_at_least = any(run.get("is_load_limit") for run in runs[scenario][of])
    return ("≥ " if is_at_least else "") + number(value)
