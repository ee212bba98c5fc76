"""The relay that clients plug into, and the clients themselves, installed once per checkout."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients import table
from tests.clients.python.asked import Asked
from tests.servers import ROOT, Server
from tests.streaming.conftest import Sandbox, Serve, key, sandbox, serve  # noqa: F401  # fixtures, found by their names

FOLDER = Path(__file__).parent
INSTALLED = ROOT / ".local/tools/clients"
# Nothing that a client does by itself (telemetry, price lists) leaves this machine.
ALONE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGSMITH_TRACING": "false",
    "NO_PROXY": "127.0.0.1",
    **dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"], "http://127.0.0.1:1"),
}


@pytest.fixture(scope="session")
def clients_relay(serve: Serve, sandbox_server: Server) -> Iterator[Server]:  # noqa: F811
    """Open to pages of any origin; a second of silence brings several heartbeats."""
    with serve(
        ARK_BASE_URL=sandbox_server.url + "/api/v3",
        ARK_MODELS=table.MODELS,
        CHAT_HEARTBEAT_S="0.1",
        CORS_ALLOWED_ORIGINS="*",
    ) as server:
        yield server


@pytest.fixture
def asked(clients_relay: Server, sandbox: Sandbox, key: str) -> Asked:  # noqa: F811
    for fault in table.FAULTS:
        sandbox.fault(**fault)
    return table.asked(clients_relay.url, key)


@pytest.fixture(scope="session")
def python_of_clients() -> Path:
    """The interpreter of an environment in which the Python clients are installed: their pins are not ours."""
    wished = FOLDER / "requirements.txt"
    with _installing("python", wished) as folder:
        if folder is not None:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
            _install([*pip, "--no-deps", "--no-compile", "--requirement", str(wished)], folder)
    return INSTALLED / "python/bin/python"


@pytest.fixture(scope="session")
def node_clients() -> Path:
    """A folder with the programs and the npm packages that they use."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no npm and node: apt-get install npm")
    with _installing("node", FOLDER / "node/package-lock.json") as folder:
        if folder is not None:
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / "node" / name, folder)
            _install([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)], folder)
    for program in (FOLDER / "node").glob("*.mjs"):
        shutil.copy(program, INSTALLED / "node")
    return INSTALLED / "node"


@pytest.fixture
def run(asked: Asked) -> Callable[..., str]:
    """Run a client's program and return what it prints."""

    def running(*command: str | Path) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**os.environ, **ALONE}, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return running


@contextmanager
def _installing(name: str, wished: Path) -> Iterator[Path | None]:
    """The folder to install into; None: it was done before. The workers of a parallel run wait for each other."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    stamp = INSTALLED / f"{name}.txt"
    with (INSTALLED / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wished.read_text():
            yield None
            return
        shutil.rmtree(INSTALLED / name, ignore_errors=True)
        yield INSTALLED / name
        stamp.write_text(wished.read_text())


def _install(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"the package index does not give the clients: {done.stderr[-500:]}")
