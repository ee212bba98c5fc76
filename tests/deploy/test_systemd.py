"""The units: read by systemd itself. What they do when systemd runs them is not tried: no test runs as its child."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from config import environment
from tests.deploy import procfile
from tests.servers import ROOT

UNITS = ROOT / "deploy/systemd"
PROGRAMS = "/srv/rivermouth/.venv/bin/"
SERVICES = {
    "web": "rivermouth-web@.service",
    "worker": "rivermouth-worker@.service",
    "beat": "rivermouth-beat.service",
}


def service(name: str) -> dict[str, list[str]]:
    """The options of `[Service]`; each may occur more than once."""
    options: dict[str, list[str]] = {}
    section = ""
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _equals, value = line.partition("=")
            options.setdefault(key, []).append(value)
    return options


@pytest.mark.parametrize("name", SERVICES)
def test_units_start_what_the_procfile_starts(name: str) -> None:
    [line] = service(SERVICES[name])["ExecStart"]

    wished = procfile.commands(HOST="${HOST}", PORT="%i")[name]
    assert shlex.split(line.removeprefix(PROGRAMS)) == wished


def test_web_is_given_the_time_that_it_takes_to_end() -> None:
    options = service(SERVICES["web"])
    told = {"HANDOVER_S": 6.0, "CHAT_DRAIN_S": 10.0}  # the README's defaults

    table = (ROOT / "README.md").read_text()
    assert {name: float(re.findall(rf"^\| `{name}` \| (\d+) \|", table, re.M)[0]) for name in told} == told
    assert options["KillSignal"] == ["SIGTERM"]
    assert int(options["TimeoutStopSec"][0]) > sum(told.values()) + 5  # its last words


def test_settings_of_the_units_exist() -> None:
    told = {
        assignment.partition("=")[0]
        for name in SERVICES.values()
        for line in service(name).get("Environment", [])
        for assignment in shlex.split(line)
    }

    assert told - {"HOST"} <= environment.names()  # that one is the Procfile's
    assert told


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze: as root, apt-get install systemd")
    for unit in UNITS.iterdir():
        # Programs and documents are where an operator puts them, not on this machine.
        text = unit.read_text().replace("file:///srv/rivermouth", ROOT.as_uri())
        text = re.sub(rf"{PROGRAMS}\w+", "/bin/true", text)
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
        (tmp_path / unit.name).write_text(text)

    units = [str(unit) for unit in tmp_path.iterdir() if "@." not in unit.name]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)

    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line] == []
    assert (done.returncode, len(units)) == (0, 5)
