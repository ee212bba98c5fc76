"""What a process tree has used, read from real processes."""

import sys
from pathlib import Path

import psutil
import pytest

from benchmarks import cores

# Burns this much CPU time itself and as much in a child, says so, and waits.
_BURN = """
import os, subprocess, sys, time
while time.process_time() < float(sys.argv[1]): pass
if sys.argv[2] == "parent":
    subprocess.Popen([sys.executable, "-c", sys.argv[3], sys.argv[1], "child", ""]).wait()
else:
    print("burnt", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def burner(tmp_path: Path) -> "list[str]":
    return [sys.executable, "-c", _BURN, "0.2", "parent", _BURN]


def test_usage_counts_the_whole_tree(burner: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"

    process = cores.start_server(burner, log=log)
    try:
        while "burnt" not in log.read_text():
            assert process.poll() is None
        used = cores.usage(process.pid)
    finally:
        cores.stop_server(process)

    assert 0.35 <= used.cpu_s <= 1.0  # ticks of 10 ms, and the start of two interpreters
    assert used.threads == 2
    assert used.rss_bytes > 4_000_000


def test_server_runs_on_its_core(tmp_path: Path) -> None:
    log = tmp_path / "log"

    process = cores.start_server([sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"], log=log)
    process.wait(30)

    assert log.read_text() == f"{ {cores.SERVER_CORE} }\n"


def test_stopped_server_leaves_no_child(burner: list[str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = cores.start_server(burner, log=log)
    while "burnt" not in log.read_text():
        assert process.poll() is None
    [child] = psutil.Process(process.pid).children()

    cores.stop_server(process)

    assert [process.poll() is None, child.is_running()] == [False, False]


def test_children_that_come_and_go_fail_no_reading(tmp_path: Path) -> None:
    restless = """
import subprocess
while True:
    for each in [subprocess.Popen(["true"]) for _ in range(20)]: each.wait()
"""

    process = cores.start_server([sys.executable, "-c", restless], log=tmp_path / "log")
    try:
        readings = [cores.usage(process.pid).cpu_s for _ in range(300)]
    finally:
        cores.stop_server(process)

    assert readings[-1] > readings[0]
