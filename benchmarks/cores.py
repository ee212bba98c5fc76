"""Which core runs what, and what a process tree has used. Linux only: affinity and /proc.

The server under test has core 0 alone; load, fake providers, PostgreSQL and Redis are on core 1. Its CPU seconds are
those of the whole process tree, by each process's CPU clock: in ns, where /proc/PID/stat counts in ticks of 10 ms.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox.launcher import children

SERVER_CORE = 0
LOAD_CORE = 1
_STOP_WITHIN_S = 10
_NICENESS = -15


def pin_load() -> None:
    """Keep this process off the server's core, and with it whatever it starts, unless that is pinned elsewhere."""
    os.sched_setaffinity(0, {LOAD_CORE})
    go_first(os.getpid())


@contextlib.contextmanager
def whole_machine() -> Iterator[None]:
    """Processes started meanwhile may run on all cores."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


def go_first(pid: int) -> None:
    """Keep other programs of the machine out of the measurement, where we may (root).

    Where the kernel groups processes by session, niceness counts within a session only, and the session has its own.
    """
    with contextlib.suppress(PermissionError, FileNotFoundError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICENESS))


def start_server(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a server on the server's core; it ends with this process."""
    tie = children.tied(signal.SIGTERM)

    def prepare() -> None:
        tie()
        os.sched_setaffinity(0, {SERVER_CORE})

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | (env or {}),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=prepare,
        )
    go_first(process.pid)
    return process


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End it and its descendants: politely, then surely."""
    descendants = psutil.Process(process.pid).children(recursive=True)
    children.end(process, signal.SIGTERM, within_s=_STOP_WITHIN_S)
    for descendant in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            descendant.kill()
    psutil.wait_procs(descendants, timeout=_STOP_WITHIN_S)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants use at one moment."""

    cpu_s: float
    rss_bytes: int
    threads: int


def usage(pid: int) -> Usage:
    """Raises: psutil.NoSuchProcess."""
    root = psutil.Process(pid)
    used = []
    for descendant in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used.append(_of_process(descendant))
    used.append(_of_process(root))  # last, since it includes what a child used that has ended since it was listed
    return Usage(
        cpu_s=sum(each.cpu_s for each in used),
        rss_bytes=sum(each.rss_bytes for each in used),
        threads=sum(each.threads for each in used),
    )


def _of_process(process: psutil.Process) -> Usage:
    times = process.cpu_times()
    return Usage(
        # Including what ended children had used (in ticks), because PostgreSQL's sessions come and go.
        cpu_s=_clock_s(process.pid) + times.children_user + times.children_system,
        rss_bytes=process.memory_info().rss,
        threads=process.num_threads(),
    )


def _clock_s(pid: int) -> float:
    """User and system time of all threads, those that have ended included. Raises: psutil.NoSuchProcess.

    Reference: https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html, whose result Linux makes of the id like
    this (CPUCLOCK_SCHED in include/linux/posix-timers.h).
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        raise psutil.NoSuchProcess(pid) from None
