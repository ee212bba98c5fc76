"""The end of a web process: told to stop, and killed."""

import datetime as dt
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone

from streaming.models import Completion, ServerProcess
from tests.servers import eventually
from tests.streaming.conftest import Serve, address_of, ask, completions, open_stream, recorded, send_request
from tests.streaming.scripted_provider import DONE, Act, ScriptedProvider, chunk

STOP = chunk(finish_reason="stop")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_open_streams_get_a_last_event_and_are_recorded(
    serve: Serve, provider: ScriptedProvider, key: str, number: signal.Signals
) -> None:
    provider.stream(chunk("a"), Act.UNTIL_LEFT)
    with serve(CHAT_DRAIN_S="1") as server:
        plain = open_stream(server, key, model="scripted")
        app = open_stream(server, key, path="/api/chat/", model="scripted")
        told_at = time.monotonic()

        server.process.send_signal(number)

        contents = [plain.content, app.content]
        server.wait()
        took_s = time.monotonic() - told_at

    assert contents[0].startswith(chunk("a") + b'data: {"error":{"message":"The server is restarting. Try again."')
    assert contents[0].count(b"data: ") == 2
    assert contents[1].partition(b"event: error\n")[2].startswith(b'data: {"code":"server_shutdown"')
    assert 1 <= took_s < 8
    rows = [recorded(response) for response in (plain, app)]
    assert [(row.state, row.error_code) for row in rows] == [("interrupted", "server_shutdown")] * 2


def test_stream_that_ends_within_the_drain_time_is_whole(serve: Serve, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), Act.PART, chunk("b"), STOP, DONE)
    with serve(CHAT_DRAIN_S="15") as server:
        response = open_stream(server, key, model="scripted")
        told_at = time.monotonic()

        server.terminate()
        time.sleep(0.3)
        provider.go_on()

        content = response.content
        server.wait()

    assert content == chunk("a") + chunk("b") + STOP + DONE
    assert time.monotonic() - told_at < 10  # it waits for nothing that is not open
    assert recorded(response).state == "completed"


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_turn_without_content_gets_a_503(serve: Serve, provider: ScriptedProvider, key: str, is_stream: bool) -> None:
    provider.on_request([Act.UNTIL_LEFT])
    with serve(CHAT_DRAIN_S="0.5") as server, ThreadPoolExecutor() as threads:
        asking = threads.submit(ask, server, key, model="scripted", stream=is_stream)
        eventually(lambda: provider.requests, bool)

        server.terminate()
        response = asking.result()
        server.wait()

    assert (response.status_code, response.json()["error"]["code"]) == (503, "server_shutdown")
    assert response.headers["Retry-After"] == "1"
    assert recorded().state == "interrupted"


def test_client_that_reads_nothing_keeps_no_process(serve: Serve, provider: ScriptedProvider, key: str) -> None:
    provider.stream(*[chunk("x" * 9_000)] * 4_000, STOP, DONE)
    with (
        serve(CHAT_DRAIN_S="0.5", may_log_tracebacks=True) as server,  # of the requests that uvicorn cancels
        send_request(server, key, model="scripted", stream=True),
    ):
        eventually(completions().count, bool)
        time.sleep(1)  # by now all buffers in between are full
        told_at = time.monotonic()

        server.terminate()
        server.wait()

    assert time.monotonic() - told_at < 12
    assert recorded().state == "interrupted"


def test_request_that_never_ends_keeps_no_process(serve: Serve, key: str) -> None:
    with (
        serve(CHAT_DRAIN_S="0.5", may_log_tracebacks=True) as server,  # of the request that uvicorn cancels
        socket.create_connection(address_of(server)) as client,
    ):
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        time.sleep(0.3)
        told_at = time.monotonic()

        server.terminate()
        server.wait()

    assert time.monotonic() - told_at < 12


def test_idle_process_ends_at_once(serve: Serve, sandbox: object, key: str) -> None:
    with serve(CHAT_DRAIN_S="30") as server:
        server.terminate()
        began_at = time.monotonic()
        server.wait()

    assert time.monotonic() - began_at < 10


def test_rows_of_a_killed_process_become_interrupted(serve: Serve, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), Act.UNTIL_LEFT)
    with serve() as killed, serve() as alive:  # noqa: SIM117  # streams end before their servers
        with open_stream(killed, key, model="scripted"), open_stream(alive, key, model="scripted"):
            eventually(completions().count, lambda count: count == 2)

            killed.process.kill()
            killed.wait()
            killed_row, alive_row = completions()
            marked_at_once = Completion.objects.mark_interrupted(timezone.now())
            # As if its silence had lasted.
            silent_since = timezone.now() - dt.timedelta(seconds=31)
            ServerProcess.objects.filter(id=killed_row.process_id).update(seen_at=silent_since)
            marked = Completion.objects.mark_interrupted(timezone.now())
            killed_row.refresh_from_db()
            alive_row.refresh_from_db()

    assert (marked_at_once, marked) == (0, 1)
    assert (killed_row.state, killed_row.error_code, alive_row.state) == ("interrupted", "process_died", "streaming")
    assert killed_row.finished_at is not None
