"""The product as it really runs: sandbox, web server and Celery worker as separate processes, on the test database.

They start when the first test asks for `stack` and stay until the end of the run. Use it with real HTTP only; what a
test leaves in the database is removed after it.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import call_command

from foundation.access.models import ApiKey
from tests import servers
from tests.servers import Server, eventually

READY_WITHIN_S = 60


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The running product: its addresses and a key."""

    url: str
    sandbox_url: str
    key: str

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, headers=self._headers(), timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self._headers(), timeout=10)

    def ledger(self) -> Any:
        """What the fake providers received: `{"conversions": […], "lookups": […], "chats": […], …}`."""
        return requests.get(f"{self.sandbox_url}/_ledger", timeout=10).json()

    def ask_sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """Set a pace, a fault or a device: docs/sandbox.md."""
        answer = requests.request(method, self.sandbox_url + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes of the whole test run; `environment` is what the product's processes have on top of ours."""

    web: Server
    sandbox: Server
    logs: list[Path]
    environment: dict[str, str]


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The fake providers at full speed. Users of this fixture clear the ledger, faults and pace first."""
    log_file = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    program = ["sandbox.app:application", "--timeout-graceful-shutdown", "1"]
    with servers.uvicorn(*program, log_file=log_file, environment={"SANDBOX_TOKENS_PER_S": "0"}) as server:
        yield server
    assert "Exception in ASGI application" not in server.log


@pytest.fixture(scope="session")
def processes(
    django_db_setup: None, sandbox_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("stack")
    environment = {
        "DATABASE_URL": servers.database_url(),
        # Redis's second database, so that this worker ignores whatever tests queue from their own process.
        "REDIS_URL": urlsplit(environ["REDIS_URL"])._replace(path="/1").geturl(),
        "ARK_BASE_URL": f"{sandbox_server.url}/api/v3",
        "OCEANENGINE_BASE_URL": sandbox_server.url,
        "STATIC_ROOT": str(folder / "static"),
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=servers.ROOT, env=environ | environment, check=True)
    worker = ["celery", "--app", "config", "--quiet", "worker", "--concurrency", "1"]
    worker += ["--without-gossip", "--without-mingle"]
    with (
        servers.running(*worker, log_file=folder / "worker.log", environment=environment),
        servers.uvicorn("config.asgi:application", log_file=folder / "web.log", environment=environment) as web,
    ):
        logs = [sandbox_server.log_file, folder / "web.log", folder / "worker.log"]
        status = eventually(lambda: servers.status(web.url), _is_up, within_s=READY_WITHIN_S)
        assert _is_up(status), [status, *(log.read_text() for log in logs)]
        yield Processes(web=web, sandbox=sandbox_server, logs=logs, environment=environment)


def _is_up(status: dict[str, Any]) -> bool:
    """Whether all parts but beat, which is not running here, are well."""
    return all(status[part]["ok"] for part in ("database", "redis", "worker"))


@pytest.fixture
def stack(processes: Processes, transactional_db: None) -> Iterator[Stack]:
    """The running product with a clean ledger, no faults, app `demo` and a key of it.

    What the processes log meanwhile is printed, which pytest shows when the test fails.
    """
    starts = {log: log.stat().st_size for log in processes.logs}
    call_command("add_app", "demo", android="com.example.demo", ios="com.example.demo")
    key = ApiKey.objects.issue(caller="demo", app_slug="demo", is_throttled=False)
    running = Stack(url=processes.web.url, sandbox_url=processes.sandbox.url, key=key)
    running.ask_sandbox("DELETE", "/_ledger")
    running.ask_sandbox("DELETE", "/_faults")
    running.ask_sandbox("POST", "/_pace", {"tokens_per_s": 0})

    yield running

    _await_records(running.url)
    for log, start in starts.items():
        print(f"--- {log.name}", log.read_bytes()[start:].decode(errors="replace"), sep="\n")


def _await_records(url: str) -> None:
    """A chat's record is written a moment after its last byte: it would be found in the next test's tables."""
    eventually(lambda: _unwritten(url), lambda rows: rows == 0, within_s=5)


def _unwritten(url: str) -> float:
    """The number of open turns and of records waiting to be written in this web process."""
    metrics = requests.get(f"{url}/metrics", timeout=10).text
    names = ("rivermouth_open_turns ", "rivermouth_completion_rows_waiting ")
    return sum(float(line.split()[1]) for line in metrics.splitlines() if line.startswith(names))


@pytest.fixture(scope="session")
def shared_webs(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Web processes by their settings, each started for the first test that asks for it."""
    running: dict[frozenset[tuple[str, str]], Server] = {}
    with ExitStack() as started:

        def web(**settings: str) -> Server:
            key = frozenset(settings.items())
            if key not in running:
                log_file = tmp_path_factory.mktemp("web") / "web.log"
                running[key] = started.enter_context(
                    servers.uvicorn(
                        "config.asgi:application", log_file=log_file, environment=processes.environment | settings
                    )
                )
            return running[key]

        yield web


@pytest.fixture
def shared_web(shared_webs: Callable[..., Server], stack: Stack) -> Iterator[Callable[..., Server]]:
    """`shared_web(CORS_ALLOWED_ORIGINS="*")`: a second web process, shared by all tests that ask for these settings.

    A start costs as much CPU as fifty tests. Tests that stop it, or look into its log or memory, use `start_web`.
    """
    used: dict[Server, int] = {}

    def web(**settings: str) -> Server:
        server = shared_webs(**settings)
        used.setdefault(server, server.log_file.stat().st_size)
        return server

    yield web
    for server, start in used.items():
        _await_records(server.url)
        print(f"--- {server.log_file}", server.log_file.read_bytes()[start:].decode(errors="replace"), sep="\n")


@pytest.fixture
def start_web(processes: Processes, stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`start_web(CHAT_GRACE_S="1")`: one more web process, with these settings, until the test ends."""
    with ExitStack() as started:

        def start(**settings: str) -> Server:
            log_file = tmp_path / f"web-{len(list(tmp_path.glob('*.log')))}.log"
            started.callback(lambda: print(f"--- {log_file.name}", log_file.read_text(errors="replace"), sep="\n"))
            environment = processes.environment | settings
            return started.enter_context(
                servers.uvicorn("config.asgi:application", log_file=log_file, environment=environment)
            )

        yield start
