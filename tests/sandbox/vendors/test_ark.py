import time
from typing import Any

import openai
import pytest

from sandbox.vendors.answers import compose
from sandbox.vendors.texts import PLAIN, THINKING
from tests.sandbox.conftest import SandboxClient, payloads, read
from tests.sandbox.vendors.test_answers import WEATHER_TOOL, ask


@pytest.mark.parametrize("path", ["/v1", "/api/v3"])
def test_stream_reads_with_the_openai_package(sandbox: SandboxClient, path: str) -> None:
    with openai.OpenAI(api_key="key", base_url=sandbox.url + path) as client:
        chunks = list(
            client.chat.completions.create(
                model="doubao-1-5-pro-32k-250115",
                messages=[{"role": "user", "content": "想一个故事"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) in PLAIN["zh"]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (7, compose(ask("想一个故事")).completion_tokens)
    assert {chunk.model for chunk in chunks} == {"doubao-1-5-pro-32k-250115"}


def test_plain_answer_reads_with_the_openai_package(sandbox: SandboxClient) -> None:
    with openai.OpenAI(api_key="key", base_url=sandbox.url + "/api/v3") as client:
        completion = client.chat.completions.create(
            model="ep-2026", messages=[{"role": "user", "content": "Think of a river"}]
        )

    message = completion.choices[0].message
    assert message.content in PLAIN["en"]
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"] in THINKING["en"]


def test_tool_call_streams_in_fragments(sandbox: SandboxClient) -> None:
    stream, ended = read(sandbox.chat("上海天气如何？", tools=[WEATHER_TOOL], stream=True))

    choices = [payload["choices"][0] for payload in payloads(stream) if payload]
    fragments = [call["function"]["arguments"] for each in choices for call in each["delta"].get("tool_calls", [])]
    assert ended
    assert "".join(fragments) == '{"city":"上海","unit":"celsius"}'
    assert len(fragments) > 5
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_request_id_is_the_callers(sandbox: SandboxClient) -> None:
    body = {"model": "doubao", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": "Bearer key", "X-Client-Request-Id": "mine"}

    response = sandbox.post("/api/v3/chat/completions", body, **headers)

    assert response.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"key": "bad-key"}, 401, "AuthenticationError", ""),
        ({"key": ""}, 401, "AuthenticationError", ""),
        ({"model": "llama"}, 404, "InvalidEndpointOrModel.NotFound", "model"),
        ({"model": ""}, 400, "MissingParameter", "model"),
        ({"messages": []}, 400, "MissingParameter", "messages"),
        ({"messages": "hi"}, 400, "InvalidParameter", "messages"),
        ({"messages": [{"content": "hi"}]}, 400, "MissingParameter", "messages.role"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, 400, "InvalidParameter", "max_tokens"),
        ({"max_tokens": 0}, 400, "InvalidParameter", "max_tokens"),
        ({"max_tokens": 1.5}, 400, "InvalidParameter", "max_tokens"),
        ({"max_completion_tokens": -2}, 400, "InvalidParameter", "max_completion_tokens"),
        ({"stream": "yes"}, 400, "InvalidParameter", "stream"),
    ],
)
def test_bad_request_is_refused_in_the_vendors_words(
    sandbox: SandboxClient, changes: dict[str, Any], status: int, code: str, param: str
) -> None:
    response = sandbox.chat(**changes)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"code", "message", "param", "type"}
    assert [(each["on"], each["reason"]) for each in sandbox.ledger()["refused"]] == [("chat", code)]


@pytest.mark.parametrize("body", [b"{", b'{"model":"doubao","user":"\xff"}', b""])
def test_body_that_is_not_json_is_refused(sandbox: SandboxClient, body: bytes) -> None:
    import requests

    response = requests.post(
        sandbox.url + "/api/v3/chat/completions", body, headers={"Authorization": "Bearer key"}, timeout=5
    )

    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidParameter")
    assert sandbox.ledger()["chats"] == []


def test_pace_is_kept(sandbox: SandboxClient) -> None:
    sandbox.post("/_pace", {"tokens_per_s": 100})

    started_s = time.monotonic()
    read(sandbox.chat(stream=True, max_tokens=28))
    streamed_s = time.monotonic() - started_s

    assert 0.29 < streamed_s < 2  # 28 tokens, the last chunk and [DONE]


def test_plain_answer_takes_its_tokens_time(sandbox: SandboxClient) -> None:
    sandbox.post("/_pace", {"tokens_per_s": 100})

    response = sandbox.chat(max_tokens=30)

    assert 0.29 < response.elapsed.total_seconds() < 2


def test_ledger_has_a_finished_chat(sandbox: SandboxClient) -> None:
    stream, _ = read(sandbox.chat("hello", stream=True))

    (chat,) = sandbox.eventually(lambda ledger: ledger["chats"][0]["ended_at"])["chats"]
    received_at, ended_at = chat.pop("received_at"), chat.pop("ended_at")
    assert time.time() - 10 < received_at <= ended_at <= time.time()
    assert chat == {
        "path": "/api/v3/chat/completions",
        "model": "doubao-test",
        "stream": True,
        "headers": {},
        "body": {"model": "doubao-test", "messages": [{"role": "user", "content": "hello"}], "stream": True},
        "fault": None,
        "chunks_sent": len(payloads(stream)),
        "completed": True,
        "disconnected": False,
    }


@pytest.mark.parametrize("stream", [True, False])
def test_generating_stops_when_the_client_leaves(sandbox: SandboxClient, stream: bool) -> None:
    sandbox.post("/_pace", {"tokens_per_s": 20})
    body = {"model": "doubao", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}

    with sandbox.connect("/api/v3/chat/completions", body):
        sandbox.eventually(lambda ledger: ledger["chats"] and (ledger["chats"][0]["chunks_sent"] > 0 or not stream))
    left_at = time.time()

    (chat,) = sandbox.eventually(lambda ledger: ledger["chats"][0]["ended_at"])["chats"]
    assert (chat["disconnected"], chat["completed"]) == (True, False)
    assert chat["ended_at"] - left_at < 2
    assert (chat["chunks_sent"] in range(1, 40)) is stream
