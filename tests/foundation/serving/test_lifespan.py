"""How a web process ends: requests that are on their way when it is told to stop."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from tests.servers import Server, eventually
from tests.stack import Stack

CHAT = {"model": "doubao", "messages": [{"role": "user", "content": "Why do rivers bend?"}], "stream": True}
Told = tuple[int, str | None]
Connect = Callable[[Server], http.client.HTTPConnection]


@pytest.fixture
def connected() -> Iterator[Connect]:
    with ExitStack() as opened:

        def connect(server: Server) -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
            return opened.enter_context(closing(connection))

        yield connect


def ask(connection: http.client.HTTPConnection) -> Told:
    """The status, and the answer's `Connection` header."""
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["Connection"]


def test_idle_connection_is_answered_once_more_and_then_closed(
    start_web: Callable[..., Server], connected: Connect
) -> None:
    server = start_web(HANDOVER_S="60")
    idle, idle_too, late = connected(server), connected(server), connected(server)
    before = [ask(idle), ask(idle_too)]

    server.terminate()
    after = eventually(lambda: ask(idle), lambda told: told[1] is not None)
    late.connect()  # before the last idle connection has been answered: with none left, the process ends
    after_too, of_late = ask(idle_too), ask(late)
    told_at = time.monotonic()
    server.wait()

    assert before == [(200, None)] * 2
    assert [after, after_too, of_late] == [(200, "close")] * 3
    assert time.monotonic() - told_at < 30  # it waits for nothing once no connection is idle


def test_idle_connection_keeps_no_process(start_web: Callable[..., Server], connected: Connect) -> None:
    server = start_web(HANDOVER_S="1")
    idle = connected(server)
    ask(idle)
    told_at = time.monotonic()

    server.terminate()
    server.wait()

    assert 1 <= time.monotonic() - told_at < 30  # uvicorn itself would keep the connection for 75 s


@pytest.mark.parametrize("handover_s", ["0", "0.3"])
def test_connection_of_a_stream_takes_a_request_after_it(
    start_web: Callable[..., Server], connected: Connect, stack: Stack, handover_s: str
) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 50})
    server = start_web(HANDOVER_S=handover_s, CHAT_DRAIN_S="15")
    connection = connected(server)
    headers = {"Authorization": f"Bearer {stack.key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body=json.dumps(CHAT), headers=headers)
    answer = connection.getresponse()
    answer.read1()

    server.terminate()
    content = answer.read()  # longer than the hand-over
    after = ask(connection)
    server.wait()

    assert content.endswith(b"data: [DONE]\n\n")
    assert after == (200, "close")
