"""Gets what the peers need, each into a folder of its own under `.local/bench`, once per version."""

import subprocess
import sys
from pathlib import Path

from benchmarks.peers import LOCAL, NotInstalled


def python(name: str, requirements: Path) -> None:
    """A virtual environment of its own. Raises: NotInstalled."""
    folder = LOCAL / name
    stamp = folder / "installed"
    wanted = requirements.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {name}", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    _run(
        [
            program(name, "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(requirements),
        ]
    )
    stamp.write_text(wanted)


def program(name: str, command: str) -> str:
    """The path of a command of that environment."""
    return str(LOCAL / name / "bin" / command)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"{' '.join(command[:4])} … failed: {done.stderr.strip()[-300:]}")
