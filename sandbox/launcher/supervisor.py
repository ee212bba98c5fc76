"""Runs processes side by side: one terminal for their lines, one signal for all of them, and none outlives the run.

A process that dies is started again. If it keeps dying, the run ends.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import STDOUT, Process
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.launcher import children

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Longer lines of a child are cut.
MAX_LINE_BYTES = 1024 * 1024
# What a child wrote last, repeated at the end of the run.
LAST_LINES = 20
# How long a dead child's output may be held open by a process that has left its group.
LAST_OUTPUT_WITHIN_S = 1


@dataclass(frozen=True, kw_only=True)
class Restarts:
    """When a child that died is started again: after `back_off_s`, doubled with each death of the last `within_s`.

    The death number `max_deaths` within that time ends the run.
    """

    back_off_s: float = 1
    max_deaths: int = 3
    within_s: float = 60


class ProcessEnded(Exception):  # noqa: N818 - named for what happened
    """A process ended on its own, again and again."""

    def __init__(self, name: str, cause: str, restarts: Restarts, last_lines: Sequence[str]) -> None:
        how_often = f"{restarts.max_deaths} times within {restarts.within_s:g} s"
        written = "".join(f"\n  {line}" for line in last_lines) or " none"
        super().__init__(f"{name} ended {how_often}, at last with {cause}. Its last lines:{written}")


class Child:
    """A process of the run, under the name that stands before its lines."""

    def __init__(self, name: str, command: str, *, label: str, restarts: Restarts) -> None:
        self.name = name
        self._command = command
        self._label = label
        self._restarts = restarts
        self._process: Process | None = None
        self._output: asyncio.ReadTransport | None = None
        self._printer: asyncio.Task[None] | None = None
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._died_at: deque[float] = deque(maxlen=restarts.max_deaths)

    async def start(self) -> None:
        # Not asyncio's own pipe: with that one, `wait()` waits for all who hold the pipe, and not just for the process.
        output, its_end = os.pipe()
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        self._output, _protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb")
        )
        self._printer = asyncio.create_task(self._print_lines(reader))
        try:
            self._process = await _start(self._command, its_end)
        finally:
            os.close(its_end)

    async def keep_running(self) -> None:
        """Start it again whenever it ends.

        Raises: ProcessEnded at the last death that `restarts` allows for.
        """
        while True:
            cause = await self._death()
            delay_s = self._restarts.back_off_s * 2 ** (self._deaths_of_late() - 1)
            print(f"{self.name} ended with {cause}; it is started again in {delay_s:g} s")
            await asyncio.sleep(delay_s)
            await self.start()

    async def end(self, within_s: float) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            _kill_group(self._process)
            await self._process.wait()
        await self._rest_of_output()

    async def _death(self) -> str:
        """Wait until it ends, and end what it leaves behind, which may hold its port. Returns the cause."""
        assert self._process is not None  # noqa: S101 - for the type checker: it has been started
        status = await self._process.wait()
        _kill_group(self._process)
        await self._rest_of_output()
        self._died_at.append(asyncio.get_running_loop().time())
        cause = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        if self._deaths_of_late() == self._restarts.max_deaths:
            raise ProcessEnded(self.name, cause, self._restarts, self._last_lines)
        return cause

    def _deaths_of_late(self) -> int:
        return sum(at >= self._died_at[-1] - self._restarts.within_s for at in self._died_at)

    async def _rest_of_output(self) -> None:
        if self._printer is not None and self._output is not None:
            await asyncio.wait({self._printer}, timeout=LAST_OUTPUT_WITHIN_S)
            self._output.close()

    async def _print_lines(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than the limit; the part read so far is dropped
                line = b"(a very long line)\n"
            if not line:
                return
            self._last_lines.append(line.decode(errors="replace").rstrip())
            sys.stdout.write(f"{self._label} | {self._last_lines[-1]}\n")
            sys.stdout.flush()


async def run(
    waves: Sequence[Mapping[str, str]],
    *,
    stop_within_s: float,
    when_started: Callable[[], Coroutine[Any, Any, None]],
    restarts: Restarts = Restarts(),
) -> None:
    """Start the waves of `{name: shell command}` in order and run until a stop signal comes; end the last wave first.

    `when_started` runs beside them; an exception in it stops everything and is raised.

    Raises: ProcessEnded if one keeps ending on its own; everything is stopped then as well.
    """
    stopped = _stop_signal()
    width = max(len(name) for wave in waves for name in wave)
    crews = [
        [Child(name, command, label=name.ljust(width), restarts=restarts) for name, command in wave.items()]
        for wave in waves
    ]
    members = [child for crew in crews for child in crew]
    try:
        for child in members:
            await child.start()
        await _first_of(stopped, when_started(), *(child.keep_running() for child in members))
    finally:
        print("stopping")
        for crew in reversed(crews):
            await asyncio.gather(*(child.end(stop_within_s) for child in crew))


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _start(command: str, output: int) -> Process:
    programs = Path(sys.executable).parent
    return await asyncio.create_subprocess_shell(
        f"exec {command}",
        env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=STDOUT,
        # Its own session: Ctrl-C in the terminal reaches only us, and we stop the children in order.
        start_new_session=True,
        preexec_fn=children.tied(signal.SIGTERM),
    )


def _kill_group(process: Process) -> None:
    """Kill the process, if it still runs, and its own children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, of a group without members
        os.killpg(process.pid, signal.SIGKILL)


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
        if pending:
            await asyncio.wait(pending)
