"""Runs processes side by side: one terminal for their lines, one signal for all of them, and none outlives the run."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.launcher import children

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Longer lines of a child are cut.
MAX_LINE_BYTES = 1024 * 1024


class ProcessEnded(Exception):  # noqa: N818 - named for what happened
    """A process ended on its own, which none should."""

    def __init__(self, name: str, status: int) -> None:
        cause = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        super().__init__(f"{name} ended ({cause}); its last lines are above")


async def run(
    waves: Sequence[Mapping[str, str]],
    *,
    stop_within_s: float,
    when_started: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Start the waves of `{name: shell command}` in order and run until a stop signal comes; end the last wave first.

    `when_started` runs beside them; an exception in it stops everything and is raised.

    Raises: ProcessEnded if one ends on its own; everything is stopped then as well.
    """
    stopped = _stop_signal()
    width = max(len(name) for wave in waves for name in wave)
    started: list[dict[str, Process]] = []
    printers: list[asyncio.Task[None]] = []
    try:
        for wave in waves:
            started.append({name: await _start(command) for name, command in wave.items()})
            printers += [asyncio.create_task(_print_lines(name.ljust(width), p)) for name, p in started[-1].items()]
        watchers = [_watch(name, process) for processes in started for name, process in processes.items()]
        await _first_of(stopped, when_started(), *watchers)
    finally:
        print("stopping")
        for processes in reversed(started):
            await asyncio.gather(*(_end(process, stop_within_s) for process in processes.values()))
        await asyncio.gather(*printers)


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _start(command: str) -> Process:
    programs = Path(sys.executable).parent
    return await asyncio.create_subprocess_shell(
        f"exec {command}",
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        limit=MAX_LINE_BYTES,
        # Its own session: Ctrl-C in the terminal reaches only us, and we stop the children in order.
        start_new_session=True,
        preexec_fn=children.tied(signal.SIGTERM),
    )


async def _first_of(stopped: asyncio.Event, *others: Coroutine[Any, Any, None]) -> None:
    """Wait for the stop signal; raise whatever any of the others raises before it."""
    stop = asyncio.create_task(stopped.wait())
    pending: set[asyncio.Task[Any]] = {stop, *map(asyncio.create_task, others)}
    try:
        while not stop.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in pending:
            task.cancel()


async def _watch(name: str, process: Process) -> None:
    raise ProcessEnded(name, await process.wait())


async def _print_lines(label: str, process: Process) -> None:
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the limit; the part read so far is dropped
            line = b"(a very long line)\n"
        if not line:
            return
        sys.stdout.write(f"{label} | {line.decode(errors='replace').rstrip()}\n")
        sys.stdout.flush()


async def _end(process: Process, within_s: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its own children, too
        await process.wait()
