"""`make run` as a developer sees it: the launcher in its own checkout, with a blank in its path."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from sandbox.launcher import services
from tests.servers import eventually

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT_S = 150
STOP_TIMEOUT_S = 90
TERMINAL = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
if "COVERAGE_PROCESS_CONFIG" in os.environ:  # these tests are measured
    TERMINAL["COVERAGE_PROCESS_CONFIG"] = os.environ["COVERAGE_PROCESS_CONFIG"]


class Run:
    """One run of the launcher; its output goes to a file, which is read while it runs."""

    def __init__(self, checkout: Path, **settings: str) -> None:
        self.checkout = checkout
        self._output = checkout / f"output-{services.free_port()}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.launcher.run"],
                cwd=checkout,
                env=TERMINAL | settings,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def await_start(self) -> None:
        eventually(lambda: self.output, lambda said: "is up" in said or self.has_ended, within_s=START_TIMEOUT_S)
        assert "Rivermouth is up" in self.output, self.output

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    @property
    def curl_lines(self) -> list[str]:
        return re.findall(r"^curl .*$", self.output, re.MULTILINE)


@contextmanager
def _copied_project() -> Iterator[Path]:
    """The project's files and nothing else, in a folder with a blank in its name.

    Not in pytest's: what another run of pytest does to the folder above those keeps PostgreSQL's user out.
    """
    with TemporaryDirectory(prefix="rivermouth-") as folder:
        checkout = Path(folder, "my checkout")
        shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks"))
        yield checkout


@pytest.fixture(scope="module")
def running() -> Iterator[Run]:
    """A run for the tests that leave it up."""
    with _copied_project() as checkout:
        run = Run(checkout, PORT=str(services.free_port()))
        run.await_start()
        yield run
        assert run.end(signal.SIGTERM) == 0
        assert _processes_of(run.checkout) == []


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A checkout for tests that start and end runs; `.local` survives between them, as on a developer's machine."""
    with _copied_project() as checkout:
        yield checkout


@pytest.fixture
def start(checkout: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(folder: Path = checkout, **settings: str) -> Run:
        runs.append(Run(folder, **({"PORT": str(services.free_port())} | settings)))
        return runs[-1]

    yield start
    for run in runs:
        if not run.has_ended:
            run.end(signal.SIGTERM)


def test_printed_lines_work_in_any_folder(running: Run, tmp_path: Path) -> None:
    chat, report, state = running.curl_lines

    streamed = _shell(chat, tmp_path)
    reported = json.loads(_shell(report, tmp_path))
    told = eventually(lambda: json.loads(_shell(state, tmp_path)), lambda told: told["status"] == "reported")

    assert streamed.startswith("data: {")
    assert streamed.endswith("data: [DONE]\n\n")
    assert told["id"] == reported["id"]
    assert told["status"] == "reported"


def test_manage_py_finds_the_services_without_settings(running: Run) -> None:
    key = _shell(f"{sys.executable} manage.py issue_key somebody --app demo", running.checkout)

    assert re.fullmatch(r"rm_\w+\n", key)


def test_second_run_in_the_checkout_is_refused(running: Run) -> None:
    second = Run(running.checkout)

    assert second.process.wait(STOP_TIMEOUT_S) == 1
    assert second.output == (
        f"Rivermouth cannot run: it already runs in this checkout, as process {running.process.pid}. "
        "Ctrl-C there stops it\n"
    )
    assert not running.has_ended


def test_one_signal_stops_everything(start: Callable[..., Run]) -> None:
    running = start()
    running.await_start()
    assert len(_processes_of(running.checkout)) > 6

    status = running.end(signal.SIGINT)

    assert status == 0
    assert running.output.endswith("Stopped.\n")
    assert _processes_of(running.checkout) == []
    assert not (running.checkout / ".local/run.env").exists()


def test_killed_run_leaves_no_process_and_the_next_one_goes_on(start: Callable[..., Run], tmp_path: Path) -> None:
    killed = start(PORT="28741")
    killed.await_start()
    before = json.loads(_shell(killed.curl_lines[1], tmp_path))
    killed.end(signal.SIGKILL)
    left = eventually(lambda: _processes_of(killed.checkout), lambda left: not left, within_s=STOP_TIMEOUT_S)

    following = start(PORT="28741")
    following.await_start()
    after = json.loads(_shell(following.curl_lines[1], tmp_path))

    assert left == []
    assert following.curl_lines == killed.curl_lines
    assert (after["id"], after["duplicate"]) == (before["id"], True)


def test_killed_process_is_started_again_until_it_dies_three_times(start: Callable[..., Run]) -> None:
    running = start()
    running.await_start()
    killed: list[int] = []

    for _death in range(3):
        [worker] = eventually(lambda: _workers_of(running.checkout, but=killed), lambda workers: len(workers) == 1)
        killed.append(worker.pid)
        worker.kill()
    status = running.process.wait(STOP_TIMEOUT_S)

    assert status == 1
    assert "worker ended with SIGKILL; it is started again in 1 s\n" in running.output
    assert "worker ended with SIGKILL; it is started again in 2 s\n" in running.output
    assert "Rivermouth cannot run: worker ended 3 times within 60 s, at last with SIGKILL." in running.output
    assert _processes_of(running.checkout) == []


def test_busy_port_is_named_before_anything_starts(start: Callable[..., Run], tmp_path: Path) -> None:
    checkout = tmp_path / "other"
    shutil.copytree(ROOT / "sandbox", checkout / "sandbox")
    shutil.copytree(ROOT / "config", checkout / "config")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = start(checkout, PORT=str(port))

        assert refused.process.wait(STOP_TIMEOUT_S) == 1
    assert refused.output == (
        f"Rivermouth cannot run: port {port} of 127.0.0.1 cannot be used (Address already in use). "
        f"Choose another: PORT={port + 1} make run\n"
    )
    assert not (checkout / ".local/postgres").exists()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PORT", "abc", "PORT='abc': not a whole number"),
        ("CHAT_IDLE_TIMEOUT_S", "x", "CHAT_IDLE_TIMEOUT_S='x': not a number"),
        ("DEBUG", "perhaps", "DEBUG='perhaps': not a flag; one of 1, true, yes, on, 0, false, no, off"),
        (
            "REDIS_URL",
            "http://localhost",
            "REDIS_URL='http://localhost': not a URL that starts with redis or rediss or unix",
        ),
    ],
)
def test_wrong_setting_ends_the_start_and_is_named(
    start: Callable[..., Run], name: str, value: str, complaint: str
) -> None:
    refused = start(**{name: value})

    status = refused.process.wait(START_TIMEOUT_S)

    assert status == 1
    said = refused.output.splitlines()
    # A setting that the launcher itself reads is refused alone; others are listed with everything else that is wrong.
    assert said[-1] == f"Rivermouth cannot run: {complaint}" or f"  {complaint}" in said
    assert "Traceback" not in refused.output


def test_database_that_does_not_answer_is_named(start: Callable[..., Run]) -> None:
    refused = start(
        DATABASE_URL=f"postgres://nobody@127.0.0.1:{services.free_port()}/none", DATABASE_POOL_TIMEOUT_S="0.5"
    )

    status = refused.process.wait(START_TIMEOUT_S)

    assert status == 1
    assert "Rivermouth cannot run: PostgreSQL does not answer at DATABASE_URL: " in refused.output
    assert "Traceback" not in refused.output


def _shell(line: str, folder: Path) -> str:
    """Run the line as in a new terminal: without the settings of this test run."""
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=TERMINAL, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _workers_of(checkout: Path, *, but: Sequence[int]) -> list[psutil.Process]:
    """The worker's main process: the launcher gives each process that it starts a session."""
    found = []
    for process in _processes_of(checkout):
        with contextlib.suppress(psutil.Error, ProcessLookupError):  # it has just ended
            if "worker" in process.cmdline() and os.getsid(process.pid) == process.pid and process.pid not in but:
                found.append(process)
    return found


def _processes_of(checkout: Path) -> list[psutil.Process]:
    """Every process that works in the checkout, whoever its parent is by now."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(checkout):
                found.append(process)
        except psutil.Error:
            continue  # it has just ended
    return found
