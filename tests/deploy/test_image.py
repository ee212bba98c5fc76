"""The image, without a container engine: the Dockerfile's instructions, done in an empty folder with its own Python.

Not run: the base image (this machine's Python and system stand for it) and `useradd`, which would add a user here.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from sandbox.launcher import services
from tests import servers
from tests.deploy import procfile
from tests.deploy.compose import interpolated
from tests.servers import ROOT, eventually

DOCKERFILE = ROOT / "deploy/Dockerfile"
PYTHON = re.compile(r"python:3\.\d+-slim")

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _blank, rest in (line.partition(" ") for line in lines)]


@dataclass(frozen=True, kw_only=True)
class Image:
    """Stands for the image: its folder, and the environment and command of a container made from it."""

    folder: Path
    environment: dict[str, str]
    command: list[str]
    users_added: str


class Builder:
    """Does what an engine does, with a folder in place of a file system."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root
        subprocess.run([sys.executable, "-m", "venv", str(root / "python")], check=True)
        self._users = root / "users.txt"
        (root / "stand-in").mkdir()
        useradd = root / "stand-in/useradd"
        useradd.write_text(f'#!/bin/sh\necho "$@" >> {self._users}\n')
        useradd.chmod(0o755)
        path = [str(root / "python/bin"), str(root / "stand-in"), "/usr/bin", "/bin"]
        # The index and the proxy that this machine installs from; nothing else of its environment.
        index = {name: os.environ[name] for name in os.environ if name.startswith("PIP_") or name.endswith("_proxy")}
        self._environment = {"PATH": ":".join(path), "HOME": str(root), **index}
        self._command: list[str] = []

    def build(self) -> Image:
        for word, rest in instructions():
            getattr(self, f"_{word.lower()}")(rest)
        users = self._users.read_text().strip()
        return Image(folder=self._folder, environment=self._environment, command=self._command, users_added=users)

    def _from(self, rest: str) -> None:
        assert PYTHON.fullmatch(rest)

    def _env(self, rest: str) -> None:
        self._environment |= dict(word.split("=", 1) for word in shlex.split(rest))

    def _workdir(self, rest: str) -> None:
        self._folder = self._root / rest.lstrip("/")
        self._folder.mkdir(parents=True)

    def _copy(self, rest: str) -> None:
        source, target = rest.split()
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "node_modules")
            shutil.copytree(ROOT / source, self._folder / target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, self._folder / target)

    def _run(self, rest: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", rest], cwd=self._folder, env=self._environment, capture_output=True, text=True
        )
        if done.returncode and "pip install" in rest:
            pytest.skip(f"the package index does not have what the image needs: {done.stderr[-500:]}")
        assert done.returncode == 0, done.stderr

    def _user(self, rest: str) -> None:
        assert rest == "rivermouth"

    def _expose(self, rest: str) -> None:
        assert rest == "8000"

    def _cmd(self, rest: str) -> None:
        self._command = json.loads(rest)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Builder(tmp_path_factory.mktemp("image")).build()


@pytest.fixture
def container(image: Image, transactional_db: None) -> dict[str, str]:
    """A container's environment as compose starts it, with this machine's services in place of compose's."""
    secrets = subprocess.run(
        ["python", "manage.py", "generate_secrets"],
        cwd=image.folder,
        env=image.environment,
        capture_output=True,
        text=True,
    )
    made = dict(line.split("=", 1) for line in secrets.stdout.splitlines())
    told: dict[str, str] = interpolated(made)["services"]["web-1"]["environment"]
    here = {
        "DATABASE_URL": servers.database_url(),
        "REDIS_URL": os.environ["REDIS_URL"],
        "PORT": str(services.free_port()),
        "PUBLIC_URL": "https://rivermouth.test",
    }
    return image.environment | made | told | here


@pytest.fixture
def web(image: Image, container: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with (tmp_path / "web.log").open("wb") as log:
        process = subprocess.Popen(image.command, cwd=image.folder, env=container, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{container['PORT']}"
        assert eventually(lambda: is_up(url), bool, within_s=60), (tmp_path / "web.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(30)


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.timeout(900)
def test_image_serves(image: Image, container: dict[str, str], web: str) -> None:
    healthcheck = interpolated({"POSTGRES_PASSWORD": "x"})["services"]["web-1"]["healthcheck"]["test"][1:]
    asked = [word.replace(":8000", f":{container['PORT']}") for word in healthcheck]
    health = subprocess.run(asked, cwd=image.folder, env=container)
    ready = requests.get(f"{web}/readyz", timeout=10)
    style = requests.get(f"{web}/static/admin/css/base.css", headers={"X-Forwarded-Proto": "https"}, timeout=10)

    assert health.returncode == 0
    assert ready.json() == {"ready": True, "database": {"migrated": True, "writable": True}}
    assert (style.status_code, style.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert image.users_added == "--system rivermouth"


@pytest.mark.timeout(900)
def test_image_migrates(image: Image, container: dict[str, str]) -> None:
    command = shlex.split(interpolated({"POSTGRES_PASSWORD": "x"})["services"]["migrate"]["command"])
    done = subprocess.run(command, cwd=image.folder, env=container, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "No migrations to apply." in done.stdout


def test_image_starts_the_web_server_as_the_procfile_does() -> None:
    [command] = [json.loads(rest) for word, rest in instructions() if word == "CMD"]

    wished = procfile.commands(HOST="0.0.0.0", PORT="${PORT:-8000}")["web"]  # noqa: S104  # in a container
    assert procfile.missing(shlex.split(command[2]), wished) == []
