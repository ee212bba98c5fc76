"""Real servers for the tests: uvicorn processes on ports of their own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox import children

ROOT = Path(__file__).parents[2]
_RUNNING = re.compile(r"running on (http://\S+)")
_START_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

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
def uvicorn(application: str, *, log_file: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """Run the ASGI application; it is ready when this yields."""
    command = [sys.executable, "-m", "uvicorn", application, "--port", "0", "--no-access-log"]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            preexec_fn=children.tied(signal.SIGKILL),
        )
    try:
        yield Server(url=_url_of(process, log_file), process=process, log_file=log_file)
    finally:
        children.end(process, signal.SIGTERM, within_s=_STOP_TIMEOUT_S)


def _url_of(process: subprocess.Popen[bytes], log_file: Path) -> str:
    give_up_at = time.monotonic() + _START_TIMEOUT_S
    while (running := _RUNNING.search(log_file.read_text())) is None:
        assert process.poll() is None, log_file.read_text()
        assert time.monotonic() < give_up_at, log_file.read_text()
        time.sleep(0.02)
    return running[1]
