"""Providers behind gateways that send what was not asked for, under any label: their clients get what they asked."""

import json
from typing import Any

import openai
import pytest

from tests.servers import Server
from tests.streaming.conftest import AddModel, Sandbox, ask, recorded
from tests.streaming.scripted_provider import DONE, ScriptedProvider, Step, chunk, event, head

HELLO: Any = [{"role": "user", "content": "hello"}]
STOP = chunk(finish_reason="stop")
COUNTS = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
USAGE = event({"choices": [], "usage": COUNTS})
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
MESSAGE = {"role": "assistant", "content": "hi", "reasoning_content": "hm", "tool_calls": [CALL]}
WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "up",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": COUNTS,
}

LABELS = {
    "JSON": "Content-Type: application/json",
    "HTML": "Content-Type: text/html; charset=utf-8",
    "text": "Content-Type: text/plain",
    "events": "Content-Type: text/event-stream",
    "none": "X-No: type",
}
BEGINNINGS = {
    "at once": b"",
    "BOM": b"\xef\xbb\xbf",
    "empty lines": b"\n\r\n\n",
    "comments": b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
}

each_label = pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
each_beginning = pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)


@each_label
@each_beginning
def test_events_are_a_stream_under_any_label(
    relay: Server, provider: ScriptedProvider, key: str, label: str, beginning: bytes
) -> None:
    provider.on_request([head(200, label), beginning, 0.01, chunk("hi"), 0.01, STOP, DONE])

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("hi") + STOP + DONE
    assert response.headers["Content-Type"].startswith("text/event-stream")


@each_label
@each_beginning
@pytest.mark.parametrize("has_length", [True, False], ids=["with its length", "until the end"])
def test_json_becomes_a_stream(
    relay: Server, provider: ScriptedProvider, key: str, label: str, beginning: bytes, has_length: bool
) -> None:
    body = beginning + json.dumps(WHOLE, indent=1).encode()
    provider.on_request([head(200, label, length=len(body) if has_length else None), body[:30], 0.01, body[30:]])

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="scripted", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)

    said, end, usage = chunks
    message: Any = said.choices[0].delta
    assert (message.content, message.reasoning_content) == ("hi", "hm")
    assert message.tool_calls[0].function.arguments == '{"a":1}'
    assert (end.choices[0].finish_reason, usage.usage and usage.usage.completion_tokens) == ("stop", 2)
    completion = recorded()
    assert (completion.state, completion.finish_reason, completion.completion_tokens) == ("completed", "stop", 2)
    assert completion.first_content_ms is not None


def test_json_becomes_a_stream_without_usage_for_who_asked_for_none(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    body = json.dumps(WHOLE).encode()
    provider.on_request([head(200, LABELS["JSON"], length=len(body)), body])

    response = ask(relay, key, model="scripted", stream=True)

    assert b"usage" not in response.content
    assert response.content.endswith(b'"finish_reason":"stop"}]}\n\n' + DONE)
    assert recorded(response).completion_tokens == 2


def test_json_becomes_events_of_the_app_profile(relay: Server, provider: ScriptedProvider, key: str) -> None:
    body = json.dumps(WHOLE).encode()
    provider.on_request([head(200, LABELS["JSON"], length=len(body)), body])

    response = ask(relay, key, path="/api/chat/", model="scripted")

    names = [line.removeprefix("event: ") for line in response.text.split("\n") if line.startswith("event: ")]
    assert names == ["start", "reasoning", "delta", "tool_call", "done"]
    assert '"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}' in response.text


@each_label
@each_beginning
def test_stream_becomes_a_whole_answer(
    relay: Server, provider: ScriptedProvider, key: str, label: str, beginning: bytes
) -> None:
    pieces = [
        chunk("", role="assistant"),
        chunk(reasoning_content="hm"),
        chunk("h"),
        chunk("i"),
        chunk(tool_calls=[{"index": 0, **CALL}]),
    ]
    provider.on_request([head(200, label), beginning, *pieces, STOP, USAGE, DONE])

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        whole = client.chat.completions.create(model="scripted", messages=HELLO)

    message: Any = whole.choices[0].message
    assert (whole.object, whole.choices[0].finish_reason) == ("chat.completion", "stop")
    assert (message.content, message.reasoning_content) == ("hi", "hm")
    assert (message.tool_calls[0].id, message.tool_calls[0].function.arguments) == ("t1", '{"a":1}')
    assert whole.usage is not None
    assert whole.usage.to_dict() == COUNTS
    completion = recorded()
    assert (completion.state, completion.is_stream, completion.completion_tokens) == ("completed", False, 2)


# (what the provider sends, the code that a stream and a whole answer end with)
BROKEN: dict[str, tuple[list[Step], str, str]] = {
    "error as JSON": (
        [head(200, LABELS["events"]), b'{"error":{"code":"content_filter","message":"m"}}'],
        "content_filter",
        "content_filter",
    ),
    "JSON of something else": (
        [head(200, LABELS["JSON"]), b'{"hello":1}'],
        "upstream_unreadable",
        "upstream_unreadable",
    ),
    "JSON without an end": ([head(200, LABELS["JSON"]), b'{"choices":['], "upstream_truncated", "upstream_unreadable"),
    "HTML": ([head(200, LABELS["events"]), b"\n<html>"], "upstream_unreadable", "upstream_unreadable"),
    "stream without an end": (
        [head(200, LABELS["JSON"]), chunk("", role="assistant")],
        "upstream_truncated",
        "upstream_truncated",
    ),
    "stream with an error": (
        [head(200, LABELS["JSON"]), event({"error": {"code": "content_filter", "message": "m"}})],
        "content_filter",
        "content_filter",
    ),
}


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("script", "code", "whole_code"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_answer_is_a_fault(
    hasty: Server,
    provider: ScriptedProvider,
    key: str,
    script: list[Step],
    code: str,
    whole_code: str,
    is_stream: bool,
) -> None:
    provider.on_request(script)

    response = ask(hasty, key, model="scripted", stream=is_stream)

    assert response.json()["error"]["code"] == (code if is_stream else whole_code)


def test_next_route_answers_for_one_that_sends_html(
    relay: Server, provider: ScriptedProvider, sandbox: Sandbox, add_model: AddModel, key: str
) -> None:
    provider.on_request([head(200, LABELS["events"]), b"<html>"])
    add_model("doubled", provider.base_url, sandbox.url + "/v1")

    response = ask(relay, key, model="doubled", stream=True)

    assert recorded(response).provider == "doubled-1"


# --- The last event without its empty line ----------------------------------------------------------------------------

LAST: dict[str, tuple[list[bytes], bytes]] = {
    "end of the answer": ([chunk("hi"), STOP[:-1]], chunk("hi") + STOP + DONE),
    "without a line end": ([chunk("hi"), STOP[:-2]], chunk("hi") + STOP + DONE),
    "CRLF": ([chunk("hi"), STOP[:-2] + b"\r\n"], chunk("hi") + STOP + DONE),
    "[DONE]": ([chunk("hi"), STOP, DONE[:-2]], chunk("hi") + STOP + DONE),
    "[DONE] and no reason": ([chunk("hi"), DONE[:-1]], chunk("hi") + DONE),
    "only event": ([chunk("hi", finish_reason="stop")[:-2]], chunk("hi", finish_reason="stop") + DONE),
}


@pytest.mark.parametrize(("sent", "passed_on"), LAST.values(), ids=LAST)
@pytest.mark.parametrize("end", ["closed", "idle"])
def test_last_event_needs_no_empty_line(
    hasty: Server, provider: ScriptedProvider, key: str, sent: list[bytes], passed_on: bytes, end: str
) -> None:
    provider.stream(*sent, *([2.0] if end == "idle" else []))

    response = ask(hasty, key, model="scripted", stream=True)

    assert response.content == passed_on
    assert recorded(response).state == "completed"


def test_last_event_that_is_cut_in_its_data_is_not_whole(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("hi"), STOP[:-6])

    response = ask(hasty, key, model="scripted", stream=True)

    assert response.content.startswith(chunk("hi") + b'data: {"error"')
    assert recorded(response).error_code == "upstream_truncated"


# --- Chunks of another shape ------------------------------------------------------------------------------------------


def test_message_in_an_event_becomes_chunks(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(event(WHOLE), DONE)

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="scripted", messages=HELLO, stream=True))

    assert [(each.choices[0].delta.content, each.choices[0].finish_reason) for each in chunks] == [
        ("hi", None),
        (None, "stop"),
    ]


def test_texts_of_old_become_chunks(relay: Server, provider: ScriptedProvider, key: str) -> None:
    texts = [{"choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in ("a", "b", "c")]
    provider.stream(*map(event, texts), event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}), DONE)

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        chunks = list(client.chat.completions.create(model="scripted", messages=HELLO, stream=True))

    assert "".join(each.choices[0].delta.content or "" for each in chunks) == "abc"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_answer_that_is_repeated_at_the_end_passes_as_it_came(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    repeated = event({"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]})
    provider.stream(chunk("hi"), repeated, DONE)

    assert ask(relay, key, model="scripted", stream=True).content == chunk("hi") + repeated + DONE
