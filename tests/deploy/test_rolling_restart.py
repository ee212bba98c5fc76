"""A rolling restart as docs/operations.md describes it: two web processes behind our nginx, one by one."""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from sandbox.launcher import services
from tests import servers
from tests.nginx import shipped
from tests.servers import Server, eventually
from tests.stack import Processes, Stack

# The load: enough threads to use nginx's pooled connections all the time, and few enough for a busy machine.
EVENT_THREADS = 24
CHAT_THREADS = 4
CHAT = {"model": "doubao", "messages": [{"role": "user", "content": "Why do rivers bend?"}], "stream": True}
WARM_S = 2
ALL_DONE = b"data: [DONE]\n\n"

Request = Callable[[requests.Session, int], str]


class Load:
    """Threads that send one request after another, and the number of requests by kind and outcome."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._numbers = itertools.count()
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def of(self, kinds: dict[str, tuple[Request, int]]) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._repeat, args=(kind, request))
            for kind, (request, count) in kinds.items()
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def failures(self) -> dict[tuple[str, str], int]:
        return {key: count for key, count in self.outcomes.items() if key[1] != "ok"}

    def count(self, kind: str) -> int:
        return self.outcomes[(kind, "ok")]

    def _repeat(self, kind: str, request: Request) -> None:
        with requests.Session() as session:
            while not self._is_over.is_set():
                try:
                    outcome = request(session, next(self._numbers))
                except requests.RequestException as err:
                    outcome = repr(err)
                self.outcomes[(kind, outcome)] += 1


def post_event(url: str, key: str) -> Request:
    def post(session: requests.Session, number: int) -> str:
        event = {"event": "active", "user_id": f"u-{number}", "os": "ios", "idfv": f"{number + 2**64:032X}"}
        headers = {"Authorization": f"Bearer {key}"}
        answer = session.post(f"{url}/api/events/", json=event, headers=headers, timeout=30)
        return "ok" if answer.status_code == 202 else f"{answer.status_code} {answer.text[:200]}"

    return post


def chat(url: str, key: str) -> Request:
    def ask(session: requests.Session, number: int) -> str:
        headers = {"Authorization": f"Bearer {key}"}
        answer = session.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers, timeout=30)
        is_whole = answer.status_code == 200 and answer.content.endswith(ALL_DONE)
        return "ok" if is_whole else f"{answer.status_code} {answer.text[-200:]}"

    return ask


@pytest.mark.timeout(180)
def test_rolling_restart_fails_no_request(processes: Processes, stack: Stack, tmp_path: Path) -> None:
    ports = [services.free_port() for _ in range(2)]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 100})
    environment = processes.environment | {"CHAT_REQUESTS_PER_MINUTE": "100000"}
    logs = itertools.count()

    def start(port: int) -> contextlib.AbstractContextManager[Server]:
        log_file = tmp_path / f"web-{next(logs)}.log"
        options = ["config.asgi:application", "--port", str(port)]
        return servers.uvicorn(*options, log_file=log_file, environment=environment)

    load = Load()
    with contextlib.ExitStack() as running:
        first = [running.enter_context(start(port)) for port in ports]
        front = running.enter_context(shipped("nginx.conf", urls, tmp_path / "front"))[80]
        kinds = {"event": (post_event(front, stack.key), EVENT_THREADS), "chat": (chat(front, stack.key), CHAT_THREADS)}
        with load.of(kinds):
            time.sleep(WARM_S)
            before = load.count("event"), load.count("chat")
            for port, server in zip(ports, first, strict=True):
                server.terminate()
                assert server.wait() in (0, -15)
                again = running.enter_context(start(port))
                assert eventually(lambda url=again.url: ready(url), bool)  # type: ignore[misc]  # bound at once
            after = load.count("event"), load.count("chat")
            time.sleep(WARM_S)

    assert load.failures() == {}
    assert min(before) > 0
    assert after[0] > before[0] + 100
    assert after[1] > before[1]


def ready(url: str) -> bool:
    return requests.get(f"{url}/readyz", timeout=10).status_code == 200
