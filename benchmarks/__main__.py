"""`python -m benchmarks [--quick] [--only relay|pipeline|admin]`: measure, then write `benchmarks/results/`.

`--peer` and `--scenario` narrow the relay's part down: `--only relay --peer nginx --scenario "paced 500"`; it
is then only printed.
"""

import argparse
import gc
import json
import shutil
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import cores, installing, machine, report
from benchmarks.admin import run as admin_run
from benchmarks.peers import LOCAL, NotInstalled, rivermouth
from benchmarks.pipeline import run as pipeline_run
from benchmarks.relay import run as relay_run

_HERE = Path(__file__).parent
_PARTS = ["relay", "pipeline", "admin"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer peers, scenarios and runs")
    parser.add_argument("--only", choices=_PARTS, action="append", help="a part; several may be named")
    parser.add_argument("--peer", choices=relay_run.PEERS, action="append", help="beside ours; several may be named")
    parser.add_argument("--scenario", choices=relay_run.SCENARIOS, action="append", help="as above")
    parser.add_argument("--results", type=Path, default=_HERE / "results", metavar="FOLDER")
    options = parser.parse_args()
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
            results["relay"] = _relay(env, options)
        if "pipeline" in (options.only or _PARTS):
            sizes = pipeline_run.QUICK if options.quick else pipeline_run.FULL
            results["pipeline"] = {"runs": uvloop.run(pipeline_run.measure(env, services, sizes))}
    finally:
        services.stop()
    if "admin" in (options.only or _PARTS):
        results["admin"] = admin_run.measure(admin_run.QUICK if options.quick else admin_run.FULL)
    if options.peer or options.scenario:
        print(report.markdown(results))
        return
    _write(results, options.results)
    print(f"{time.monotonic() - began_at:.0f} s; {options.results}/README.md")


def _earlier(folder: Path) -> dict[str, Any]:
    """What was measured before: a part measured alone leaves the others as they are."""
    file = folder / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _relay(env: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    peers = options.peer or (relay_run.QUICK_PEERS if options.quick else relay_run.PEERS)
    plan = relay_run.plan(is_quick=options.quick, names=options.scenario)
    runs, not_installed = uvloop.run(relay_run.measure(plan, peers, env))
    return {"runs": runs, "not_installed": not_installed}


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
    print(report.markdown(results))
    try:
        installing.python("plots", _HERE / "requirements.txt")
    except NotInstalled as err:
        print(f"no plots: {err}")
    else:
        installing.run([installing.program("plots", "python"), str(_HERE / "plots.py"), str(file)])


if __name__ == "__main__":
    main()
