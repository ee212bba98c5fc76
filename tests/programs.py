"""System programs that tests run: nginx, Chromium."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
# Otherwise the workers of a parallel run would block each other's apt-get and go without the program.
_LOCK = Path(tempfile.gettempdir()) / f"rivermouth-tests-apt-{os.geteuid()}.lock"


def find_or_install(program: str, *packages: str) -> str:
    """The program's path; installs it if run as root. Skips the test if it is not available."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (path := _find(program)) is None and os.geteuid() == 0 and shutil.which("apt-get"):
            for command in (["apt-get", "update"], ["apt-get", "install", "--yes", *packages]):
                subprocess.run(command, check=False, capture_output=True)
            path = _find(program)
    if path is None:
        pytest.skip(f"no {program}: as root, apt-get install {' '.join(packages)}")
    return path


def _find(program: str) -> str | None:
    return shutil.which(program, path=_PATH)
