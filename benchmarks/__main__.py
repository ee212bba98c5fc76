"""`python -m benchmarks [--quick] [--only relay|pipeline|admin]`: measure, then write `benchmarks/results/`.

`--scenario` measures some of the relay's scenarios again, with all peers; the results of the others stay. With
`--peer` (`--only relay --peer nginx --scenario "paced 500"`) the figures are printed and not written: they are of no
run with those of the other peers. The quick form writes to `benchmarks/results/quick/`.
`--keep` leaves the admin's databases for the next run with it, within hours.
"""

import argparse
import gc
import json
import shutil
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import cores, digest, installing, machine, report
from benchmarks.admin import run as admin_run
from benchmarks.peers import LOCAL, NotInstalled, rivermouth
from benchmarks.pipeline import run as pipeline_run
from benchmarks.relay import run as relay_run

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"
_README = _HERE.parent / "README.md"
_PARTS = ["relay", "pipeline", "admin"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer peers, scenarios and runs")
    parser.add_argument("--only", choices=_PARTS, action="append", help="a part; several may be named")
    parser.add_argument("--peer", choices=relay_run.PEERS, action="append", help="beside ours; several may be named")
    parser.add_argument("--scenario", choices=relay_run.SCENARIOS, action="append", help="several may be named")
    parser.add_argument("--results", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--keep", action="store_true", help="the admin's databases, and use those that were kept lately"
    )
    options = parser.parse_args()
    options.results = options.results or (_RESULTS / "quick" if options.quick else _RESULTS)
    began_at = time.monotonic()
    results = _earlier(options.results) if options.only else {}
    results |= {"machine": machine.describe(), "is_quick": options.quick}
    cores.pin_load()
    shutil.rmtree(LOCAL / "services", ignore_errors=True)  # tables of another version
    services = rivermouth.start_services()
    try:
        env = rivermouth.environment(services)
        rivermouth.manage(env, "migrate", "--verbosity", "0")
        _stay_out_of_the_way()
        if "relay" in (options.only or _PARTS):
            results["relay"] = _relay(env, options, results.get("relay", {}))
        if "pipeline" in (options.only or _PARTS):
            sizes = pipeline_run.QUICK if options.quick else pipeline_run.FULL
            results["pipeline"] = {"runs": uvloop.run(pipeline_run.measure(env, services, sizes))}
    finally:
        services.stop()
    if "admin" in (options.only or _PARTS):
        sizes_of_data = admin_run.QUICK if options.quick else admin_run.FULL
        results["admin"] = admin_run.measure(sizes_of_data, is_quick=options.quick, is_kept=options.keep)
    if options.peer:
        print(report.markdown(results))
        return
    _write(results, options.results)
    print(f"{time.monotonic() - began_at:.0f} s; {options.results}/README.md")


def _earlier(folder: Path) -> dict[str, Any]:
    """What was measured before: a part measured alone leaves the others as they are."""
    file = folder / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _relay(env: dict[str, str], options: argparse.Namespace, earlier: dict[str, Any]) -> dict[str, Any]:
    peers = options.peer or (relay_run.QUICK_PEERS if options.quick else relay_run.PEERS)
    plan = relay_run.plan(is_quick=options.quick, names=options.scenario)
    runs, not_installed = uvloop.run(relay_run.measure(plan, peers, env))
    commits = dict.fromkeys(runs, machine.commit())
    if options.scenario:
        runs, commits = earlier.get("runs", {}) | runs, earlier.get("commits", {}) | commits
    return {"runs": runs, "commits": commits, "not_installed": not_installed}


def _stay_out_of_the_way() -> None:
    """A collection in the load's process would be a delay of every relay."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _write(results: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    file.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n")
    (folder / "README.md").write_text(report.markdown(results))
    if folder == _RESULTS:
        digest.write_into(_README, results)
    print(report.markdown(results))
    try:
        installing.python("plots", _HERE / "requirements.txt")
    except NotInstalled as err:
        print(f"no plots: {err}")
    else:
        installing.run([installing.program("plots", "python"), str(_HERE / "plots.py"), str(file)])


if __name__ == "__main__":
    main()
