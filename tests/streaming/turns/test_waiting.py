"""Clients that wait for long: they get their 200 and heartbeats while the routes are still tried."""

import json
import time
from typing import Any

import pytest
import requests

from streaming.models import Provider
from tests.servers import Server, eventually
from tests.streaming import app_client
from tests.streaming.conftest import AddModel, Sandbox, ask, open_stream, recorded
from tests.streaming.scripted_provider import DONE, STREAM_HEAD, Act, ScriptedProvider, Step, answer, chunk

HEARTBEAT = b": hb\n"
COMMENT = b": OPENROUTER PROCESSING\n\n"
ROLE = chunk("", role="assistant")
ANSWER = [ROLE, chunk("hi"), chunk(finish_reason="stop"), DONE]
BUSY = answer(503, b"{}")


def every_200_ms(sent: bytes, times: int) -> list[Step]:
    return [sent, 0.2] * times


# What the first route does until the client has waited.
HANGS: dict[str, list[Step]] = {
    "no head": [Act.UNTIL_LEFT],
    "no body": [STREAM_HEAD, Act.UNTIL_LEFT],
    "a role and no more": [STREAM_HEAD, ROLE, Act.UNTIL_LEFT],
    "cut after the role": [STREAM_HEAD, ROLE, 0.8],
    "late refusal": [0.8, BUSY],
}

each_hang = pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)


@pytest.fixture
def doubled(provider: ScriptedProvider, add_model: AddModel) -> ScriptedProvider:
    """A provider behind both routes of the model `doubled`."""
    add_model("doubled", provider.base_url, provider.base_url)
    return provider


def first_bytes(response: requests.Response, number: int) -> bytes:
    read: bytes = response.raw.read(number)
    return read


@each_hang
def test_waiting_client_gets_heartbeats_and_the_next_routes_answer(
    chatty: Server, doubled: ScriptedProvider, key: str, hang: list[Step]
) -> None:
    doubled.on_request(hang, [STREAM_HEAD, *ANSWER])
    began_at = time.monotonic()

    with open_stream(chatty, key, model="doubled") as response:
        waited_s = time.monotonic() - began_at
        assert first_bytes(response, len(HEARTBEAT)) == HEARTBEAT
        rest = response.raw.read()

    assert response.status_code == 200
    assert waited_s < 0.8
    assert rest.replace(HEARTBEAT, b"") == b"".join(ANSWER)
    completion = recorded(response)
    assert (completion.state, completion.attempts, completion.provider) == ("completed", 2, "doubled-1")


@each_hang
def test_waiting_client_of_the_app_profile_gets_its_start_once(
    chatty: Server, doubled: ScriptedProvider, key: str, hang: list[Step]
) -> None:
    doubled.on_request(hang, [STREAM_HEAD, *ANSWER])

    chat = app_client.start(chatty.url, key, {"messages": [{"role": "user", "content": "hi"}], "model": "doubled"})
    chat.rest()

    assert [(number, name) for number, name, _payload in chat.events] == [(1, "start"), (2, "delta"), (3, "done")]
    assert recorded(chat.response).attempts == 2


# (what both routes do, the code at the end)
ENDS: dict[str, tuple[list[Step], str]] = {
    "no head": ([Act.UNTIL_LEFT], "upstream_timeout"),
    "no body": ([STREAM_HEAD, Act.UNTIL_LEFT], "upstream_timeout"),
    "a role and no more": ([STREAM_HEAD, ROLE, Act.UNTIL_LEFT], "upstream_idle_timeout"),
    "late refusal": ([0.8, answer(400, b'{"error":{"code":"content_filter","message":"m"}}')], "content_filter"),
    "comments for ever": ([STREAM_HEAD, *every_200_ms(COMMENT, 40)], "total_timeout"),
}


@pytest.mark.parametrize(("script", "code"), ENDS.values(), ids=ENDS)
def test_what_fails_after_the_wait_is_told_in_an_event(
    chatty: Server, provider: ScriptedProvider, key: str, script: list[Step], code: str
) -> None:
    provider.on_request(script)

    response = ask(chatty, key, model="scripted", stream=True)

    assert response.status_code == 200
    [event] = response.content.replace(HEARTBEAT, b"").split(b"\n\n")[:-1]
    assert json.loads(event.removeprefix(b"data: "))["error"]["code"] == code
    completion = recorded(response)
    assert (completion.state, completion.error_code, completion.first_content_ms) == ("failed", code, None)


def test_what_fails_after_the_wait_is_the_last_event_of_the_app_profile(
    chatty: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.on_request([0.8, BUSY])

    chat = app_client.start(chatty.url, key, {"messages": [{"role": "user", "content": "hi"}], "model": "scripted"})
    chat.rest()

    assert [name for _number, name, _payload in chat.events] == ["start", "error"]
    assert chat.events[-1][2]["code"] == "upstream_unavailable"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_what_fails_before_the_wait_keeps_its_status(
    chatty: Server, provider: ScriptedProvider, key: str, path: str
) -> None:
    provider.on_request([BUSY])

    response = ask(chatty, key, path=path, model="scripted", stream=True)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "upstream_unavailable")


def test_whole_answer_waits_in_silence(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.on_request([0.8, BUSY])

    assert ask(chatty, key, model="scripted", stream=False).status_code == 503


def test_sign_of_life_extends_the_wait(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    """The time for the first content is a second, as is the longest silence."""
    provider.stream(COMMENT, 0.7, ROLE, 0.7, COMMENT, 0.7, *ANSWER[1:])

    response = ask(hasty, key, model="scripted", stream=True)

    assert response.content == b"".join(ANSWER)
    assert (recorded(response).first_content_ms or 0) > 2000


@pytest.mark.parametrize("life", [COMMENT, ROLE], ids=["comments", "role"])
def test_time_that_somebody_set_is_strict(hasty: Server, doubled: ScriptedProvider, key: str, life: bytes) -> None:
    Provider.objects.update(first_content_timeout_s=0.9)
    doubled.on_request([STREAM_HEAD, *every_200_ms(life, 15)], [STREAM_HEAD, *ANSWER])

    response = ask(hasty, key, model="doubled", stream=True)

    assert response.content == b"".join(ANSWER)
    completion = recorded(response)
    assert (completion.attempts, 900 < (completion.first_content_ms or 0) < 2800) == (2, True)


def test_client_that_leaves_while_it_waits_closes_the_upstream(
    chatty: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.stream(*every_200_ms(COMMENT, 10), Act.UNTIL_LEFT)
    with open_stream(chatty, key, model="scripted") as response:
        assert first_bytes(response, len(HEARTBEAT)) == HEARTBEAT
        left_at = time.monotonic()

    assert provider.left_after(left_at) < 1
    assert recorded(response).state == "disconnected"


def test_chat_is_resumed_and_stopped_while_it_waits(
    chatty: Server, doubled: ScriptedProvider, key: str, sandbox: Sandbox
) -> None:
    doubled.on_request([STREAM_HEAD, *every_200_ms(COMMENT, 15)])
    headers = {"Authorization": f"Bearer {key}"}
    chat = app_client.start(chatty.url, key, {"messages": [{"role": "user", "content": "hi"}], "model": "doubled"})
    chat.take(1)
    chat_url = f"{chatty.url}/api/chat/{chat.id}"

    with requests.get(chat_url + "/stream/", headers=headers, timeout=10, stream=True) as reader:
        begun = first_bytes(reader, 20)
        stopped: Any = requests.post(chat_url + "/stop/", headers=headers, timeout=10).json()
        events = begun + reader.raw.read()
    chat.rest()

    assert stopped["state"] == "stopped"
    assert [line for line in events.split(b"\n") if line.startswith(b"event")] == [b"event: start", b"event: done"]
    assert [name for _number, name, _payload in chat.events] == ["start", "done"]
    assert eventually(lambda: doubled.requests[-1].left_at, bool)
