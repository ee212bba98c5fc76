"""The product as it runs: sandbox, web server and Celery worker as processes of their own, on the test database.

They start when the first test asks for `stack` and stay until the end of the run. Use it with real HTTP only; what a
test leaves in the database is removed after it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import call_command
from django.db import connection

from attribution.models import App
from config.access.models import ApiKey
from sandbox import children, services

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
T = TypeVar("T")
_UVICORN = ["uvicorn", "--no-access-log", "--log-level", "warning", "--port"]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Where it answers, and with what key."""

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
        """What the fake providers got: `{"conversions": […], "lookups": […], "chats": […], …}`."""
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
    web_url: str
    sandbox_url: str
    logs: list[Path]
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Web:
    """One more web process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def eventually(ask: Callable[[], T], is_reached: Callable[[T], bool], *, within_s: float = 15) -> T:
    """Ask again until the answer is as wished; return the last answer either way, for the test to compare."""
    give_up_at = time.monotonic() + within_s
    while not is_reached(answer := ask()) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return answer


@pytest.fixture(scope="session")
def processes(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("stack")
    sandbox_port, web_port = services.free_port(), services.free_port()
    sandbox_url, web_url = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{web_port}"
    environment = os.environ | {
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])
        ._replace(path=f"/{connection.settings_dict['NAME']}")
        .geturl(),
        # Redis' second database: this worker leaves alone what tests queue from their own process.
        "REDIS_URL": urlsplit(os.environ["REDIS_URL"])._replace(path="/1").geturl(),
        "ARK_BASE_URL": f"{sandbox_url}/api/v3",
        "OCEANENGINE_BASE_URL": sandbox_url,
        "SANDBOX_TOKENS_PER_S": "0",
        "STATIC_ROOT": str(folder / "static"),
    }
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, env=environment, check=True)
    commands = {
        "sandbox": [*_UVICORN, str(sandbox_port), "sandbox.app:application", "--timeout-graceful-shutdown", "1"],
        "web": [*_UVICORN, str(web_port), "config.asgi:application"],
        "worker": ["celery", "--app", "config", "--quiet", "worker", "--concurrency", "1", "--without-mingle"],
    }
    with ExitStack() as stack:
        for name, command in commands.items():
            process = _start(command, folder / f"{name}.log", environment)
            stack.callback(children.end, process, SIGTERM, within_s=STOP_TIMEOUT_S)
        logs = sorted(folder.glob("*.log"))
        yield_to = Processes(web_url=web_url, sandbox_url=sandbox_url, logs=logs, environment=environment)
        _await_ready(yield_to)
        yield yield_to


def _start(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest, which ends them
            preexec_fn=children.tied(SIGTERM),
        )


def _await_ready(processes: Processes) -> None:
    for url in (processes.sandbox_url, f"{processes.web_url}/readyz"):
        status = eventually(partial(_status, url), lambda status: status == 200, within_s=START_TIMEOUT_S)
        if status != 200:
            logs = "\n".join(f"--- {log.name}\n{log.read_text()}" for log in processes.logs)
            pytest.fail(f"{url} answers {status} after {START_TIMEOUT_S} s\n{logs}")


def _status(url: str) -> int | None:
    try:
        return requests.get(url, timeout=2).status_code
    except requests.RequestException:
        return None


@pytest.fixture
def stack(processes: Processes, transactional_db: None) -> Iterator[Stack]:
    """The running product with a clean ledger, no faults, app `demo` and a key of it.

    What the processes log meanwhile is printed, which pytest shows when the test fails.
    """
    starts = {log: log.stat().st_size for log in processes.logs}
    call_command("add_app", "demo", android="com.example.demo", ios="com.example.demo")
    key = ApiKey.objects.issue(caller="demo", app_id=App.objects.get(slug="demo").pk, is_throttled=False)
    running = Stack(url=processes.web_url, sandbox_url=processes.sandbox_url, key=key)
    running.ask_sandbox("DELETE", "/_ledger")
    running.ask_sandbox("DELETE", "/_faults")
    running.ask_sandbox("POST", "/_pace", {"tokens_per_s": 0})

    yield running

    for log, start in starts.items():
        print(f"--- {log.name}", log.read_bytes()[start:].decode(errors="replace"), sep="\n")


@pytest.fixture
def start_web(processes: Processes, stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Web]]:
    """`start_web(CHAT_GRACE_S="1")`: another web process beside the stack's own, with these settings; until the test
    ends."""
    with ExitStack() as started:

        def start(**settings: str) -> Web:
            port = services.free_port()
            log = tmp_path / f"web-{port}.log"
            command = [*_UVICORN, str(port), "config.asgi:application"]
            process = _start(command, log, processes.environment | settings)
            started.callback(lambda: print(f"--- {log.name}", log.read_text(errors="replace"), sep="\n"))
            started.callback(children.end, process, SIGTERM, within_s=STOP_TIMEOUT_S)
            web = Web(url=f"http://127.0.0.1:{port}", process=process, log=log)
            status = eventually(
                partial(_status, f"{web.url}/healthz"), lambda status: status == 200, within_s=START_TIMEOUT_S
            )
            assert status == 200, log.read_text()
            return web

        yield start
