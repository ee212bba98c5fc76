"""Runs the project's programs as separate processes: uvicorn on free ports, Celery workers."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psutil
import requests
from django.db import connection

from sandbox.launcher import children

ROOT = Path(__file__).parents[1]
_RUNNING = re.compile(r"running on (http://\S+)")
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 30
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def terminate(self) -> None:
        """Send SIGTERM, and do not wait."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end of the process; its exit code."""
        return self.process.wait(_STOP_TIMEOUT_S)

    def resident_bytes(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def threads(self) -> int:
        return psutil.Process(self.process.pid).num_threads()


@contextlib.contextmanager
def uvicorn(application: str, *options: str, log_file: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """Run the ASGI application; it is ready when this yields."""
    command = ["uvicorn", application, *web_options(), "--port", "0", *options]
    with running(*command, log_file=log_file, environment=environment) as process:
        yield Server(url=_url_of(process, log_file), process=process, log_file=log_file)


def web_options() -> list[str]:
    """uvicorn's options in the Procfile, without the address."""
    _uvicorn, _application, *options = shlex.split(
        (ROOT / "Procfile").read_text().partition("web: ")[2].splitlines()[0]
    )
    address = {"--host", "$HOST", "--port", "$PORT"}
    return [option for option in options if option not in address]


@contextlib.contextmanager
def running(
    module: str, *arguments: str, log_file: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the Python module, with these variables on top of the tests' own; it is stopped in the end."""
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for pytest, which ends them
            preexec_fn=children.tied(signal.SIGTERM),
        )
    try:
        yield process
    finally:
        children.end(process, signal.SIGTERM, within_s=_STOP_TIMEOUT_S)


def status(url: str) -> dict[str, Any]:
    """The answer of this web process's `/statusz`, healthy or not."""
    found: dict[str, Any] = requests.get(f"{url}/statusz", timeout=10).json()
    return found


def database_url() -> str:
    """The test database, for other processes."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def eventually(ask: Callable[[], T], is_reached: Callable[[T], bool], *, within_s: float = 30) -> T:
    """Ask until the answer meets the condition; returns the last answer either way, for the test to compare."""
    give_up_at = time.monotonic() + within_s
    while not is_reached(answer := ask()) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return answer


def _url_of(process: subprocess.Popen[bytes], log_file: Path) -> str:
    give_up_at = time.monotonic() + _START_TIMEOUT_S
    while (found := _RUNNING.search(log_file.read_text())) is None:
        assert process.poll() is None, log_file.read_text()
        assert time.monotonic() < give_up_at, log_file.read_text()
        time.sleep(0.02)
    return found[1]
