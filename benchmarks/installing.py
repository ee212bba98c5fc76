"""Installs what the peers need, each into its own folder under `.local/bench`, once per version."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import LOCAL, NotInstalled


def python(name: str, requirements: Path) -> None:
    """A virtual environment for one peer. Raises: NotInstalled."""
    if _is_installed(name, [requirements]):
        return
    print(f"installing {name}", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(folder(name))])
    pip = [program(name, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--requirement", str(requirements)])
    _note_installed(name, [requirements])


def node(name: str, sources: Sequence[Path], *, build: str | None = None) -> None:
    """An npm project for one peer: the sources are copied, installed and, if there is a `build` script, built.

    Raises: NotInstalled.
    """
    if _is_installed(name, sources):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("no npm on this machine")
    print(f"installing {name}", flush=True)
    shutil.rmtree(folder(name), ignore_errors=True)  # otherwise npm would keep the versions it chose before
    folder(name).mkdir(parents=True)
    for source in sources:
        shutil.copy(source, folder(name))
    run([npm, "install", "--no-audit", "--no-fund"], within=folder(name))
    if build is not None:
        run([npm, "run", build], within=folder(name))
    _note_installed(name, sources)


def folder(name: str) -> Path:
    return LOCAL / name


def program(name: str, command: str) -> str:
    """The path of a command of a virtual environment."""
    return str(folder(name) / "bin" / command)


def _is_installed(name: str, sources: Sequence[Path]) -> bool:
    stamp = folder(name) / "installed"
    return stamp.exists() and stamp.read_text() == _fingerprint(sources)


def _note_installed(name: str, sources: Sequence[Path]) -> None:
    (folder(name) / "installed").write_text(_fingerprint(sources))


def _fingerprint(sources: Sequence[Path]) -> str:
    return "".join(source.read_text() for source in sources)


def run(command: list[str], *, within: Path | None = None) -> None:
    """Run a command. Raises: NotInstalled with what it wrote."""
    done = subprocess.run(command, cwd=within, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"`{' '.join(command[:4])} …` failed: {(done.stderr or done.stdout).strip()[-300:]}")
