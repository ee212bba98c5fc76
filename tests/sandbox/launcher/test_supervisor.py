import asyncio
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox.launcher import supervisor
from sandbox.launcher.supervisor import Restarts
from tests.servers import eventually

SOON = Restarts(back_off_s=0.05)

# A process that says when it is asked to end; it ends only when its last child does.
POLITE = "sh -c 'trap \"echo $0 ends; exit\" TERM; echo $0 runs; while :; do sleep 0.05; done' {name}"


def run(
    *waves: dict[str, str], stop_when: Callable[[], bool] | None, stop_within_s: float = 5, restarts: Restarts = SOON
) -> None:
    """Run the waves until the signal that comes when this is true; None: no signal."""

    async def when_started() -> None:
        if stop_when is None:
            return
        assert await asyncio.to_thread(eventually, stop_when, bool)
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(supervisor.run(waves, stop_within_s=stop_within_s, when_started=when_started, restarts=restarts))


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that has been written since the test began."""
    parts: list[str] = []

    def said() -> str:
        parts.append(capfd.readouterr().out)
        return "".join(parts)

    return said


def test_waves_end_in_the_opposite_order(said: Callable[[], str]) -> None:
    run(
        {"service": POLITE.format(name="one")},
        {"web": POLITE.format(name="two")},
        stop_when=lambda: said().count("runs") == 2,
    )

    lines = said().splitlines()
    assert sorted(lines[:2]) == ["service | one runs", "web     | two runs"]
    assert lines[2:] == [
        "stopping",
        "web     | two ends",
        "service | one ends",
    ]


def test_process_that_dies_is_started_again(said: Callable[[], str], tmp_path: Path) -> None:
    died = tmp_path / "died"
    quitter = f"sh -c 'test -e {died} && exec sleep 60; touch {died}; echo out of paper; exit 3'"

    run({"quitter": quitter}, stop_when=lambda: "started again" in said() and _is_child_named("sleep"))

    assert said().splitlines() == [
        "quitter | out of paper",
        "quitter ended with exit status 3; it is started again in 0.05 s",
        "stopping",
    ]


def test_three_deaths_within_a_minute_end_all(said: Callable[[], str]) -> None:
    killed = "sh -c 'echo a bad day; kill -KILL $$'"

    with pytest.raises(supervisor.ProcessEnded) as ended:
        run({"stays": POLITE.format(name="one"), "killed": killed}, stop_when=None)

    assert str(ended.value) == (
        "killed ended 3 times within 60 s, at last with SIGKILL. Its last lines:\n  a bad day\n  a bad day\n  a bad day"
    )
    assert [line for line in said().splitlines() if "started again" in line] == [
        "killed ended with SIGKILL; it is started again in 0.05 s",
        "killed ended with SIGKILL; it is started again in 0.1 s",
    ]
    assert said().endswith("stays  | one ends\n")


def test_three_deaths_in_more_than_a_minute_do_not(said: Callable[[], str]) -> None:
    rarely = Restarts(back_off_s=0.05, within_s=0)

    run({"mayfly": "true"}, stop_when=lambda: said().count("started again") >= 4, restarts=rarely)

    assert set(said().splitlines()) == {"mayfly ended with exit status 0; it is started again in 0.05 s", "stopping"}


def test_what_a_dead_process_leaves_is_ended_before_the_next_start(said: Callable[[], str], tmp_path: Path) -> None:
    left = tmp_path / "left"
    forgetful = (
        f"sh -c 'test -e {left} && {{ echo again; exec sleep 60; }}; sleep 60 & echo $! > {left}; kill -KILL $$'"
    )

    run({"forgetful": forgetful}, stop_when=lambda: "again\n" in said())

    child = int(left.read_text())
    assert eventually(lambda: _is_alive(child), lambda alive: not alive) is False


def test_signal_during_the_back_off_ends_all(said: Callable[[], str]) -> None:
    run(
        {"quitter": "false", "stays": POLITE.format(name="one")},
        stop_when=lambda: "started again" in said() and "one runs" in said(),
        restarts=Restarts(back_off_s=600),
    )

    assert said().endswith("stopping\nstays   | one ends\n")


def test_deaf_process_is_killed_with_its_children(tmp_path: Path) -> None:
    note = f"echo $! > {tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/child"
    deaf = f"sh -c 'trap \"\" TERM; sleep 60 & {note}; wait; sleep 60'"

    run({"deaf": deaf}, stop_when=(tmp_path / "child").exists, stop_within_s=0.2)

    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: _is_alive(child), lambda alive: not alive) is False


def test_failure_at_the_announcement_ends_all() -> None:
    async def fail() -> None:
        raise RuntimeError("not ready")

    with pytest.raises(RuntimeError, match="not ready"):
        asyncio.run(supervisor.run([{"web": "sleep 60"}], stop_within_s=5, when_started=fail))


def test_odd_output_is_printed(said: Callable[[], str]) -> None:
    command = (
        r"""sh -c 'printf "\377 caf\303\251\n"; head -c 3000000 /dev/zero | tr "\0" x; echo; echo last; sleep 60'"""
    )

    run({"odd": command}, stop_when=lambda: "odd | last" in said())

    lines = said().splitlines()
    assert lines[0] == "odd | \N{REPLACEMENT CHARACTER} café"
    assert lines[-2:] == ["odd | last", "stopping"]
    assert all(re.fullmatch(r"odd \| (x*|\(a very long line\))", line) for line in lines[1:-2])


def _is_child_named(name: str) -> bool:
    return any(child.name() == name for child in psutil.Process().children())


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
