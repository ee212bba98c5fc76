"""The plots of a results file, beside it. Runs in its own environment (requirements.txt).

python plots.py results.json
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # installed in an environment of its own

mpl.use("agg")
from matplotlib import pyplot  # the back end comes first

_OURS = "rivermouth"
_OUR_COLOUR, _OTHER_COLOUR = "#0f6cbd", "#9aa5b1"
_GROWING_PAGES = [
    ("dashboard", "30 days"),
    ("statistics", "30 days by advertiser"),
    ("statistics", "30 days by ad"),
    ("/api/stats/", "30 days by day"),
    ("send records", "first"),
    ("send records", "record"),
    ("clicks", "first"),
    ("attributions", "first"),
    ("completions", "first"),
]
_PACED = {5: "paced 5", 50: "paced 50", 100: "paced 100", 500: "paced 500"}


def main(file: Path) -> None:
    results = json.loads(file.read_text())
    if "relay" in results:
        runs = results["relay"]["runs"]
        _bars(
            runs["paced 500"],
            "cpu_us_per_chunk",
            "CPU µs a chunk, 500 streams × 50 tokens/s",
            file.parent / "chunk.png",
        )
        _bars(runs["set-up"], "cpu_ms_per_stream", "CPU ms a stream of one token", file.parent / "set-up.png")
        _growth(runs, file.parent / "chunk-growth.png")
    if "pipeline" in results:
        runs = results["pipeline"]["runs"]
        scenarios = sorted((name for name in runs if name.endswith("conversions")), key=_size)
        [*_, compared] = [name for name in scenarios if len(runs[name]) > 1]
        _bars(runs[compared], "cpu_ms", "CPU ms of the worker a conversion", file.parent / "conversion.png")
        if len(scenarios) > 1:
            _conversion_growth(runs, scenarios, file.parent / "conversion-growth.png")
    if len(results.get("admin", {}).get("sizes", {})) > 1:
        _page_growth(results["admin"]["sizes"], file.parent / "page-growth.png")


def _size(scenario: str) -> int:
    return int(scenario.partition(" ")[0])


def _bars(of_relays: dict[str, list[dict[str, float]]], figure: str, title: str, file: Path) -> None:
    """Medians, with whiskers from the least to the most."""
    runs = {name: [run[figure] for run in runs] for name, runs in of_relays.items() if name != "direct"}
    names = sorted(runs, key=lambda name: statistics.median(runs[name]), reverse=True)
    medians = [statistics.median(runs[name]) for name in names]
    low = [median - min(runs[name]) for name, median in zip(names, medians, strict=True)]
    high = [max(runs[name]) - median for name, median in zip(names, medians, strict=True)]
    chart, axes = pyplot.subplots(figsize=(8, 0.5 * len(names) + 1.2), layout="constrained")
    colours = [_OUR_COLOUR if name.startswith(_OURS) else _OTHER_COLOUR for name in names]
    axes.barh(names, medians, color=colours, xerr=[low, high], error_kw={"ecolor": "#444", "capsize": 3})
    for name, median in zip(names, medians, strict=True):
        axes.annotate(f" {median:.3g}", (0, name), va="center", color="white", fontsize=9)
    if max(medians) > 20 * min(medians):
        axes.set_xscale("log")
    _finish(chart, axes, title, file)


def _growth(runs: dict[str, Any], file: Path) -> None:
    """CPU per chunk against the number of streams."""
    chart, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    names = [name for name in runs["paced 100"] if name != "direct"]
    for name in names:
        points = [
            (streams, statistics.median(run["cpu_us_per_chunk"] for run in runs[scenario][name]))
            for streams, scenario in _PACED.items()
            if name in runs.get(scenario, {})
        ]
        width = 2.5 if name.startswith(_OURS) else 1.2
        axes.plot(*zip(*points, strict=True), marker="o", label=name, linewidth=width)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("streams of 50 tokens/s")
    axes.legend(fontsize=8)
    _finish(chart, axes, "CPU µs a chunk as the load grows", file)


def _conversion_growth(runs: dict[str, Any], scenarios: list[str], file: Path) -> None:
    """CPU per conversion against the number waiting."""
    chart, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for name in runs[scenarios[0]]:
        points = [
            (_size(scenario), statistics.median(run["cpu_ms"] for run in runs[scenario][name]))
            for scenario in scenarios
            if name in runs[scenario]
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("conversions waiting")
    axes.legend(fontsize=8)
    _finish(chart, axes, "CPU ms of the worker a conversion as the queue grows", file)


def _page_growth(sizes: dict[str, Any], file: Path) -> None:
    """Server time of the pages that people open first, against the number of rows."""
    chart, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    lines: dict[str, list[tuple[int, float]]] = {}
    for size in sorted(sizes.values(), key=lambda size: size["conversions"]):
        for page in size["pages"]:
            if (page["name"], page["kind"]) in _GROWING_PAGES:
                point = (size["conversions"], page["median_ms"])
                lines.setdefault(f"{page['name']}, {page['kind']}", []).append(point)
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("conversions in the database (clicks: three times as many)")
    axes.legend(fontsize=8)
    _finish(chart, axes, "Server time of a page in ms as the data grow", file)


def _finish(chart: Any, axes: Any, title: str, file: Path) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    chart.savefig(file, dpi=110)
    pyplot.close(chart)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
