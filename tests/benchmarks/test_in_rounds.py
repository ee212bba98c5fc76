"""A small plan with real servers, and another checkout's commands."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import comparing, cores
from benchmarks.peers.rivermouth import Site
from benchmarks.relay import run as relay_run
from benchmarks.relay import scenarios
from sandbox.launcher.services import Server, Services

QUICK = relay_run.Scenario(
    name="paced 20",
    rounds=2,
    run=lambda relay, provider: scenarios.paced(relay, provider, streams=20, seconds=0.5),
)


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx (Debian: apt install nginx-light)")
@pytest.mark.skipif(
    not {cores.SERVER_CORE, cores.LOAD_CORE} <= os.sched_getaffinity(0), reason="needs the machine's first two cores"
)
def test_nginx_runs_twice_in_each_round() -> None:
    results, not_installed = asyncio.run(
        relay_run.measure([QUICK], peers=["nginx"], sites=[], is_wanted=lambda relay: True, candidates=["nginx"])
    )

    runs = results["paced 20"]
    assert not_installed == {}
    assert [run["round"] for run in runs["direct"]] == [0, 1]
    assert [run["round"] for run in runs["nginx"]] == [0, 0, 1, 1]
    assert [run["errors"] for run in runs["nginx"]] == [0, 0, 0, 0]
    assert min(run["cpu_us_per_chunk"] for run in runs["nginx"]) > 1
    [noise] = comparing.noise(results, ["nginx"])
    assert len(noise["differences"]) == 2


def test_another_checkout_runs_its_own_procfile_in_its_own_folder(tmp_path: Path) -> None:
    """A made-up checkout, since no other version is at hand: its worker prints where it is and its arguments."""
    own = tmp_path / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "say").symlink_to(sys.executable)
    (tmp_path / "say.py").write_text(
        "import os, pathlib; pathlib.Path('said').write_text(os.environ['TOLD'] + ' ' + os.getcwd())"
    )
    (tmp_path / "Procfile").write_text("web: other\nworker: say say.py\n")
    ended = Server(url="", process=subprocess.Popen(["true"]), end_signal=signal.SIGTERM)
    ended.process.wait()
    site = Site(
        name="other", folder=tmp_path, services=Services(postgres=ended, redis=ended), env={"TOLD": "of its own"}
    )

    process = site.start_worker()

    assert process.wait(30) == 0
    assert (tmp_path / "said").read_text() == f"of its own {tmp_path}"
