"""`python -m benchmarks`: measure, then write `benchmarks/results/`.

`--quick` is short and writes to `benchmarks/results/quick/`. `--only relay` measures a part and `--scenarios` some
scenarios again, with all peers; the results of the others stay. A run with `--peers`, `--rounds` or `--against` is
incomplete or unlike the committed one, so it writes to `.local/bench/results/`.
`--against FOLDER` runs another checkout in the same rounds and prints new / old.
`--keep` leaves the admin's databases for the next run with it, within hours.
"""

import argparse
import gc
import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import comparing, cores, digest, installing, machine, report
from benchmarks.admin import run as admin_run
from benchmarks.peers import LOCAL, NotInstalled, Relay, naive_celery, nginx, rivermouth
from benchmarks.pipeline import run as pipeline_run
from benchmarks.relay import run as relay_run

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"
_README = _HERE.parent / "README.md"
_PARTS = ["relay", "pipeline", "admin"]
_NAIVE, _OURS, _APP = "naive_celery", "rivermouth", "app"  # `app`: our app profile
_PEERS = [*relay_run.PEERS, _NAIVE, _OURS, _APP]
_QUICK_PEERS = [*relay_run.QUICK_PEERS, _NAIVE, _OURS, _APP]
_AGAINST_PEERS = ["nginx", _OURS, _APP]
_AGAINST_SCENARIOS = ["set-up", "paced 500", "1000 conversions"]
_SCENARIOS = list(dict.fromkeys([*relay_run.SCENARIOS, *pipeline_run.SCENARIOS, *pipeline_run.QUICK_SCENARIOS]))
_ROUNDS, _QUICK_ROUNDS, _AGAINST_ROUNDS = 3, 1, comparing.MIN_ROUNDS


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's options with their defaults filled in; scenarios by their names in the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="minutes: fewer peers, scenarios and rounds")
    parser.add_argument("--only", choices=_PARTS, action="append", help="a part; several may be named")
    parser.add_argument("--scenarios", type=_listed(_SCENARIOS), metavar="A,B", help=", ".join(map(_slug, _SCENARIOS)))
    parser.add_argument("--peers", type=_listed(_PEERS), metavar="A,B", help=", ".join(_PEERS))
    parser.add_argument("--rounds", type=int, help=f"{_ROUNDS}; with --against {_AGAINST_ROUNDS}")
    parser.add_argument("--against", type=_checkout, metavar="FOLDER", help="another checkout of this project")
    parser.add_argument("--results", type=Path, metavar="FOLDER")
    parser.add_argument("--keep", action="store_true", help="keep the admin's databases, or use those kept lately")
    options = parser.parse_args(arguments)
    options.is_complete = not (options.peers or options.rounds or options.against)
    options.is_again = options.scenarios is not None
    if options.results is None:
        options.results = _RESULTS / "quick" if options.quick else _RESULTS
        options.results = options.results if options.is_complete else LOCAL / "results"
    _fill_in(options)
    return options


def _fill_in(options: argparse.Namespace) -> None:
    quick_scenarios = [*relay_run.QUICK_SCENARIOS, *pipeline_run.QUICK_SCENARIOS]
    full_scenarios = [*relay_run.SCENARIOS, *pipeline_run.SCENARIOS]
    scenarios, peers, rounds = full_scenarios, _PEERS, _ROUNDS
    if options.quick:
        scenarios, peers, rounds = quick_scenarios, _QUICK_PEERS, _QUICK_ROUNDS
    if options.against:
        scenarios, peers, rounds = _AGAINST_SCENARIOS, _AGAINST_PEERS, _AGAINST_ROUNDS
    is_admin_wanted = not options.is_again and options.against is None
    options.scenarios = options.scenarios or scenarios
    options.peers = options.peers or peers
    options.rounds = options.rounds or rounds
    of_part = {
        "relay": set(relay_run.SCENARIOS) & set(options.scenarios),
        "pipeline": (set(_SCENARIOS) - set(relay_run.SCENARIOS)) & set(options.scenarios),
        "admin": is_admin_wanted,
    }
    options.parts = options.only or [part for part, is_wanted in of_part.items() if is_wanted]


def _listed(choices: Sequence[str]) -> Callable[[str], list[str]]:
    """Names with commas between them; `paced-500` is "paced 500"."""
    by_slug = {_slug(choice): choice for choice in choices}

    def parse(text: str) -> list[str]:
        names = [_slug(name) for name in text.split(",")]
        if unknown := [name for name in names if name not in by_slug]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(by_slug)}")
        return [by_slug[name] for name in names]

    return parse


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.strip())


def _checkout(text: str) -> Path:
    folder = Path(text).absolute()
    if not (folder / "Procfile").exists():
        raise argparse.ArgumentTypeError(f"{folder} has no Procfile")
    return folder


def main() -> None:
    options = options_of()
    began_at = time.monotonic()
    is_kept = options.is_complete and (options.only or options.is_again)
    results = _earlier(options.results) if is_kept else {}
    results |= {"machine": machine.describe(), "is_quick": options.quick}
    if options.against:
        name = rivermouth.name_of(options.against)
        results["against"] = {"name": name, "commit": machine.commit(options.against)}
    cores.pin_load()
    if {"relay", "pipeline"} & set(options.parts):
        results |= _beside_peers(options, results)
    if "admin" in options.parts:
        sizes = admin_run.QUICK if options.quick else admin_run.FULL
        results["admin"] = admin_run.measure(sizes, is_quick=options.quick, is_kept=options.keep)
    results = judged(results)
    _write(results, options)
    print(f"{time.monotonic() - began_at:.0f} s; {options.results}/README.md")


def judged(results: dict[str, Any]) -> dict[str, Any]:
    """The results, with the noise of both parts and, for two checkouts, new / old."""
    old = results.get("against", {}).get("name")
    judged = dict(results)
    for part in {"relay", "pipeline"} & results.keys():
        runs = results[part]["runs"]
        found = {"noise": comparing.noise(runs, _candidates(old))}
        if old:
            profiles = [rivermouth.NAME, rivermouth.app_profile_of(rivermouth.NAME)]
            found["against"] = comparing.against(
                runs, dict(zip(profiles, [old, rivermouth.app_profile_of(old)], strict=True))
            )
        judged[part] = results[part] | found
    noise = [each for part in ("relay", "pipeline") for each in judged.get(part, {}).get("noise", [])]
    return judged | {"is_noisy": any(each["is_noisy"] for each in noise)}


def _candidates(old: str | None) -> list[str]:
    """The program that the others are compared with, which runs twice in a round: the first that takes part."""
    return [nginx.NAME, naive_celery.NAME, *([old] if old else [])]


def _old(options: argparse.Namespace) -> str | None:
    """The name of the other checkout."""
    return rivermouth.name_of(options.against) if options.against else None


def _earlier(folder: Path) -> dict[str, Any]:
    """The earlier results: measuring one part alone leaves the others as they are."""
    file = folder / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _beside_peers(options: argparse.Namespace, earlier: dict[str, Any]) -> dict[str, Any]:
    with ExitStack() as stack:
        sites = []
        for folder in [None, options.against] if options.against else [None]:
            sites.append(rivermouth.set_up(folder))
            stack.callback(sites[-1].services.stop)
        _stay_out_of_the_way()
        found = {}
        if "relay" in options.parts:
            found["relay"] = _relay(sites, options, earlier.get("relay", {}))
        if "pipeline" in options.parts:
            found["pipeline"] = _pipeline(sites, options, earlier.get("pipeline", {}))
    return found


def _relay(sites: Sequence[rivermouth.Site], options: argparse.Namespace, earlier: dict[str, Any]) -> dict[str, Any]:
    def is_wanted(relay: Relay) -> bool:
        return (_APP if relay.is_resumable else _OURS) in options.peers

    planned = relay_run.plan(is_quick=options.quick, names=options.scenarios, rounds=options.rounds)
    runs, not_installed = uvloop.run(
        relay_run.measure(
            planned,
            peers=[peer for peer in relay_run.PEERS if peer in options.peers],
            sites=sites,
            is_wanted=is_wanted,
            candidates=_candidates(_old(options)),
        )
    )
    commits = dict.fromkeys(runs, machine.commit())
    if options.is_again:
        runs, commits = earlier.get("runs", {}) | runs, earlier.get("commits", {}) | commits
    return {"runs": runs, "commits": commits, "not_installed": not_installed}


def _pipeline(sites: Sequence[rivermouth.Site], options: argparse.Namespace, earlier: dict[str, Any]) -> dict[str, Any]:
    runs = uvloop.run(
        pipeline_run.measure(
            sites,
            has_naive=_NAIVE in options.peers,
            wanted=options.scenarios,
            rounds=options.rounds,
            intake_s=1.5 if options.quick else 6,
            candidates=_candidates(_old(options)),
        )
    )
    return {"runs": earlier.get("runs", {}) | runs if options.is_again else runs}


def _stay_out_of_the_way() -> None:
    """A garbage collection in the load's process would look like a delay of every relay."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _write(results: dict[str, Any], options: argparse.Namespace) -> None:
    folder: Path = options.results
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    file.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n")
    (folder / "README.md").write_text(report.markdown(results))
    if folder == _RESULTS:
        digest.write_into(_README, results)
    print(report.markdown(results))
    if options.is_complete:
        _plot(file)


def _plot(file: Path) -> None:
    try:
        installing.python("plots", _HERE / "requirements.txt")
    except NotInstalled as err:
        print(f"no plots: {err}")
    else:
        installing.run([installing.program("plots", "python"), str(_HERE / "plots.py"), str(file)])


if __name__ == "__main__":
    main()
