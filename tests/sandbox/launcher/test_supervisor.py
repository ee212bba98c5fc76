import asyncio
import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from sandbox.launcher import supervisor
from tests.servers import eventually

# A process that says when it is asked to end; it ends only when its last child does.
POLITE = "sh -c 'trap \"echo $0 ends; exit\" TERM; echo $0 runs; while :; do sleep 0.05; done' {name}"


def run(*waves: dict[str, str], stop_within_s: float = 5, stop_after_s: float = 0.5) -> None:
    """Run the waves until the signal that comes after this time."""

    async def when_started() -> None:
        await asyncio.sleep(stop_after_s)
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(supervisor.run(waves, stop_within_s=stop_within_s, when_started=when_started))


def test_waves_end_in_the_opposite_order(capfd: pytest.CaptureFixture[str]) -> None:
    run({"service": POLITE.format(name="one")}, {"web": POLITE.format(name="two")})

    assert capfd.readouterr().out.splitlines() == [
        "service | one runs",
        "web     | two runs",
        "stopping",
        "web     | two ends",
        "service | one ends",
    ]


def test_process_that_ends_by_itself_ends_all(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(supervisor.ProcessEnded, match=r"^quitter ended \(exit status 3\); its last lines are above$"):
        run(
            {"stays": POLITE.format(name="one"), "quitter": "sh -c 'echo out of paper; sleep 0.2; exit 3'"},
            stop_after_s=60,
        )

    said = capfd.readouterr().out
    assert "quitter | out of paper\n" in said
    assert said.endswith("stays   | one ends\n")


def test_deaf_process_is_killed_with_its_children(tmp_path: Path) -> None:
    deaf = f"sh -c 'trap \"\" TERM; sleep 60 & echo $! > {tmp_path}/child; wait; sleep 60'"

    run({"deaf": deaf}, stop_within_s=0.2)

    child = int((tmp_path / "child").read_text())
    assert eventually(lambda: _is_alive(child), lambda alive: not alive) is False


def test_failure_at_the_announcement_ends_all(capfd: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        raise RuntimeError("not ready")

    with pytest.raises(RuntimeError, match="not ready"):
        asyncio.run(supervisor.run([{"web": "sleep 60"}], stop_within_s=5, when_started=fail))


def test_odd_output_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    command = (
        r"""sh -c 'printf "\377 caf\303\251\n"; head -c 3000000 /dev/zero | tr "\0" x; echo; echo last; sleep 60'"""
    )

    run({"odd": command})

    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "odd | \N{REPLACEMENT CHARACTER} café"
    assert lines[-2:] == ["odd | last", "stopping"]
    assert all(re.fullmatch(r"odd \| (x*|\(a very long line\))", line) for line in lines[1:-2])


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
