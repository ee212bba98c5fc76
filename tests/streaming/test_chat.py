"""`POST /api/chat/`: the app profile on the wire. What outlives its connection is in test_resumable.py."""

import json
from typing import Any

import pytest
import requests

from tests.servers import Server
from tests.streaming.conftest import Sandbox, ask, recorded
from tests.streaming.scripted_provider import DONE, Act, ScriptedProvider, chunk, event

PATH = "/api/chat/"
STOP = chunk(finish_reason="stop")
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def events_of(response: requests.Response) -> list[tuple[str, Any]]:
    """Names and payloads; checks on the way that the ids count from 1."""
    blocks = [block for block in response.content.decode().split("\n\n")[:-1] if block != ": hb"]
    fields = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    assert [each["id"] for each in fields] == [str(number) for number in range(1, len(fields) + 1)]
    return [(each["event"], json.loads(each["data"])) for each in fields]


def test_answer_in_typed_events(relay: Server, provider: ScriptedProvider, key: str) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    more = {"index": 0, "function": {"arguments": "1}"}}
    provider.stream(
        chunk("", role="assistant"),
        chunk("", reasoning_content="嗯"),
        chunk("河") + chunk("口"),
        chunk(None, tool_calls=[call]),
        chunk(None, tool_calls=[more]),
        STOP,
        event({"choices": [], "usage": USAGE}),
        DONE,
    )

    response = ask(relay, key, path=PATH, model="scripted")

    assert events_of(response) == [
        ("start", {"id": response.headers["X-Request-Id"], "model": "scripted", "resumable": True}),
        ("reasoning", {"text": "嗯"}),
        ("delta", {"text": "河"}),
        ("delta", {"text": "口"}),
        ("tool_call", call),
        ("tool_call", more),
        ("done", {"finish_reason": "stop", "usage": USAGE}),
    ]
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    completion = recorded(response)
    assert (completion.profile, completion.state, completion.completion_tokens) == ("app", "completed", 2)


def test_model_may_be_left_out(relay: Server, sandbox: Sandbox, key: str) -> None:
    response = ask(relay, key, path=PATH)

    assert events_of(response)[0][1]["model"] == "doubao"
    [chat] = sandbox.chats()
    assert chat["body"]["stream_options"] == {"include_usage": True, "chunk_include_usage": True}


def test_sampling_parameters_pass(relay: Server, sandbox: Sandbox, key: str) -> None:
    ask(relay, key, path=PATH, temperature=0.5, max_tokens=3, own=[1])

    [chat] = sandbox.chats()
    assert {name: chat["body"][name] for name in ("temperature", "max_tokens", "own")} == {
        "temperature": 0.5,
        "max_tokens": 3,
        "own": [1],
    }


@pytest.mark.parametrize(
    ("rest", "code", "is_retryable"),
    [
        ([], "upstream_truncated", True),
        ([Act.RESET], "upstream_truncated", True),
        ([event({"error": {"code": "server_error", "message": "m"}})], "upstream_unavailable", True),
        ([event({"error": {"code": "content_filter", "message": "m"}})], "content_filter", False),
        ([Act.UNTIL_LEFT], "upstream_idle_timeout", True),
        ([event({"choices": [{"delta": {"tool_calls": {"index": 0}}}]})], "upstream_unreadable", True),
    ],
    ids=["cut", "reset", "error frame", "refused content", "silence", "tool calls that are no list"],
)
def test_fault_after_the_first_content_is_the_last_event(
    hasty: Server, provider: ScriptedProvider, key: str, rest: list[Any], code: str, is_retryable: bool
) -> None:
    provider.stream(chunk("partial"), 0.05, *rest)

    response = ask(hasty, key, path=PATH, model="scripted")

    events = events_of(response)
    assert [name for name, _payload in events] == ["start", "delta", "error"]
    assert (events[-1][1]["code"], events[-1][1]["retryable"]) == (code, is_retryable)
    assert recorded(response).error_code == code


def test_fault_before_the_first_content_is_a_status(hasty: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("status", status=503)

    response = ask(hasty, key, path=PATH)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "upstream_unavailable")


def test_silence_is_filled_with_heartbeats(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), 0.9, STOP, DONE)

    response = ask(chatty, key, path=PATH, model="scripted")

    assert b"\n\n: hb\n\n" in response.content
    assert [name for name, _payload in events_of(response)] == ["start", "delta", "done"]


def test_start_counts_once_when_the_first_attempt_fails(relay: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("cut", after_chunks=0, times=1)

    response = ask(relay, key, path=PATH)

    names = [name for name, _payload in events_of(response)]
    assert (names.count("start"), names.count("done"), recorded(response).attempts) == (1, 1, 2)


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": "hi"}, 400, "messages"),
        ({"model": 1}, 400, "model"),
        ({"model": "nope"}, 404, "model"),
        ({"user": {}}, 400, "user"),
    ],
)
def test_bad_body_is_refused(relay: Server, key: str, fields: dict[str, Any], status: int, param: str) -> None:
    response = ask(relay, key, path=PATH, **fields)

    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


def test_no_key_is_refused(relay: Server, key: str) -> None:
    response = requests.post(relay.url + PATH, json={}, timeout=10)

    assert (response.status_code, response.json()["error"]["code"]) == (401, "missing_api_key")
