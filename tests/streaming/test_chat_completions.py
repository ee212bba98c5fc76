"""`POST /v1/chat/completions`: it works, refuses, and keeps its contract when the provider does not."""

import contextlib
import datetime as dt
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import psycopg
import pytest
import requests
from django.utils import timezone

from foundation.access.models import ApiKey
from tests.servers import Server, database_url, eventually
from tests.streaming.conftest import (
    ARK_KEY,
    PROVIDER_KEY,
    AddModel,
    Sandbox,
    Serve,
    ask,
    completions,
    open_stream,
    recorded,
)
from tests.streaming.scripted_provider import DONE, STREAM_HEAD, Act, ScriptedProvider, Step, answer, chunk, event, head

HELLO = [{"role": "user", "content": "hello"}]
STOP = chunk(finish_reason="stop")
USAGE = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}})
WHOLE = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}], "n": 9007199254740993}


def error_of(response: requests.Response) -> dict[str, Any]:
    """The error object of a response that contains nothing else."""
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "code", "param"]
    error: dict[str, Any] = body["error"]
    return error


def events_of(response: requests.Response) -> list[Any]:
    """The payloads of a stream, decoded; `[DONE]` stays a text. Heartbeats are left out."""
    frames = response.content.replace(b": hb\n", b"").split(b"\n\n")
    assert frames.pop() == b""
    texts = [frame.removeprefix(b"data: ").decode() for frame in frames]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def text_of(events: list[Any]) -> str:
    return "".join(
        choice["delta"].get("content") or "" for event in events if "choices" in event for choice in event["choices"]
    )


# --- Works ------------------------------------------------------------------------------------------------------------


def test_stream_passes_byte_for_byte(relay: Server, provider: ScriptedProvider, key: str) -> None:
    chunks = [chunk("", role="assistant"), chunk("河"), chunk("口"), STOP]
    provider.stream(*chunks, USAGE, DONE)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == b"".join([*chunks, DONE])
    assert {name: response.headers[name] for name in ("Content-Type", "Cache-Control", "X-Accel-Buffering")} == {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache, no-transform",
        "X-Accel-Buffering": "no",
    }
    assert response.headers["Content-Encoding"] == "identity"


def test_usage_chunk_is_for_who_asked(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("hi"), STOP, USAGE, DONE)

    response = ask(relay, key, model="scripted", stream=True, stream_options={"include_usage": True})

    assert response.content == chunk("hi") + STOP + USAGE + DONE


def test_done_is_added_once_when_the_provider_forgets_it(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("hi"), STOP)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("hi") + STOP + DONE


def test_done_ends_the_stream_whatever_comes_after(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("hi"), STOP + DONE + DONE + chunk("late"), Act.UNTIL_LEFT)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("hi") + STOP + DONE


def test_ids_and_types_of_events_are_left_out(relay: Server, provider: ScriptedProvider, key: str) -> None:
    named = b"id: 1\nevent: message\nretry: 5\n" + chunk("hi")
    provider.stream(b"\xef\xbb\xbf: welcome\n\n", named, STOP, DONE)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("hi") + STOP + DONE


def test_events_parted_by_single_line_ends(relay: Server, provider: ScriptedProvider, key: str) -> None:
    frames = [chunk("a"), chunk("b"), STOP, DONE]
    provider.stream(b"".join(frame.removesuffix(b"\n") for frame in frames) + b"\n")

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == b"".join(frames)


def test_done_with_spaces_is_done(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), STOP, b"data:  [DONE] \n\n")

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("a") + STOP + DONE


def test_odd_usage_loses_no_content(relay: Server, provider: ScriptedProvider, key: str) -> None:
    choice = {"index": 0, "delta": {"content": "hi"}}
    odd = event({"choices": [choice], "usage": {"prompt_tokens": None}})
    late = event({"choices": [], "usage": {"prompt_tokens": "5", "completion_tokens": 2.0}})
    provider.stream(odd, STOP, late, DONE)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == event({"choices": [choice]}) + STOP + DONE
    completion = recorded(response)
    assert (completion.state, completion.prompt_tokens, completion.completion_tokens) == ("completed", 5, 2)
    assert completion.first_content_ms is not None


def test_odd_usage_does_not_break_a_whole_answer(relay: Server, provider: ScriptedProvider, key: str) -> None:
    body = json.dumps({**WHOLE, "usage": {"prompt_tokens": None, "completion_tokens": 2}}).encode()
    provider.on_request([answer(200, body)])

    response = ask(relay, key, model="scripted")

    assert (response.status_code, response.content) == (200, body)
    assert recorded(response).prompt_tokens is None


def test_long_line_passes(relay: Server, provider: ScriptedProvider, key: str) -> None:
    long = chunk("河" * 700_000)
    provider.stream(chunk("a"), long, STOP, DONE)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.content == chunk("a") + long + STOP + DONE


def test_whole_answer_passes_byte_for_byte(relay: Server, provider: ScriptedProvider, key: str) -> None:
    body = json.dumps(WHOLE, indent=1).encode()
    provider.on_request([answer(200, body)[:40], 0.05, answer(200, body)[40:]])

    response = ask(relay, key, model="scripted", stream=False)

    assert (response.status_code, response.content) == (200, body)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("is_stream", [True, False])
def test_unknown_parameters_pass_as_they_came(
    relay: Server, provider: ScriptedProvider, key: str, is_stream: bool
) -> None:
    provider.on_request([answer(400, b"{}")])
    fields = (
        b'"messages":[{"role":"user","content":"\\u4f60 \xe5\xa5\xbd","own":[1.10,{"a":null}]}],'
        b'"seed":9007199254740993,"logit_bias":{"50256":-100.0},"thinking":{"type":"enabled","budget":1e3}'
    )
    body = b'{"model":"scripted",' + fields + b',"stream":' + (b"true" if is_stream else b"false") + b"}"

    requests.post(relay.url + "/v1/chat/completions", data=body, headers={"Authorization": f"Bearer {key}"}, timeout=10)

    [request] = provider.requests
    asked_for = b',"stream":true,"stream_options":{"include_usage":true}}' if is_stream else b',"stream":false}'
    assert request.body == b'{"model":"gpt-0",' + fields + asked_for


def test_request_to_the_provider_has_its_key_and_not_the_callers(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.stream(chunk("hi"), STOP, DONE)

    response = ask(relay, key, model="scripted", stream=True)

    [request] = provider.requests
    assert request.head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert f"authorization: Bearer {PROVIDER_KEY}\r\n" in request.head
    assert f"x-client-request-id: {response.headers['X-Request-Id']}\r\n" in request.head
    assert key not in request.head


def test_connection_to_the_provider_is_used_again(relay: Server, provider: ScriptedProvider, key: str) -> None:
    body = chunk("hi") + STOP + DONE
    provider.on_request(
        [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body), body]
    )

    for _ in range(3):
        ask(relay, key, model="scripted", stream=True)

    assert [request.connection for request in provider.requests] == [1, 1, 1]


# --- The record -------------------------------------------------------------------------------------------------------


def test_stream_is_recorded(relay: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.pace(200)
    question = [{"role": "user", "content": "think about rivers"}]

    response = ask(
        relay, key, model="doubao", messages=question, stream=True, user="u-1", stream_options={"include_usage": True}
    )

    completion = recorded(response)
    usage = events_of(response)[-2]["usage"]
    assert completion.caller is not None
    assert completion.caller.username == "tests"
    assert {
        name: getattr(completion, name)
        for name in (
            "user_id",
            "profile",
            "is_stream",
            "chat_model",
            "provider",
            "upstream_model",
            "attempts",
            "state",
            "finish_reason",
            "error_code",
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "chunks",
        )
    } == {
        "user_id": "u-1",
        "profile": "openai",
        "is_stream": True,
        "chat_model": "doubao",
        "provider": "ark",
        "upstream_model": "doubao-1-5-pro-32k-250115",
        "attempts": 1,
        "state": "completed",
        "finish_reason": "stop",
        "error_code": "",
        "prompt_tokens": usage["prompt_tokens"],
        "completion_tokens": usage["completion_tokens"],
        "cached_tokens": 0,
        "reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"],
        "chunks": len(events_of(response)) - 1,  # all but [DONE]
    }
    assert completion.reasoning_tokens
    assert 0 < (completion.first_content_ms or 0) < (completion.duration_ms or 0)
    assert completion.tokens_per_s == pytest.approx(200, rel=0.5)


def test_whole_answer_is_recorded(relay: Server, sandbox: Sandbox, key: str) -> None:
    response = ask(relay, key, model="doubao", stream=False)

    completion = recorded(response)
    usage = response.json()["usage"]
    assert (completion.state, completion.is_stream, completion.finish_reason) == ("completed", False, "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )


def test_row_is_written_while_the_provider_thinks(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("", role="assistant"), Act.PART, chunk("hi"), STOP, DONE)

    with ThreadPoolExecutor() as threads:
        asking = threads.submit(ask, relay, key, model="scripted", stream=True)
        row = eventually(completions().first, lambda row: row is not None)
        provider.go_on()
        response = asking.result()

    assert row is not None
    assert (str(row.id), row.state, row.finished_at) == (response.headers["X-Request-Id"], "streaming", None)


@pytest.mark.parametrize(
    "payload",
    [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "a\0b" + "x" * 100}]},
        {"choices": [], "usage": {"prompt_tokens": 2**40, "completion_tokens": 1}},
        {"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": 1}},
    ],
    ids=["finish reason", "count past 32 bits", "count below 0"],
)
def test_strange_values_are_recorded_as_far_as_they_can_be(
    relay: Server, provider: ScriptedProvider, key: str, payload: dict[str, Any]
) -> None:
    provider.on_request([STREAM_HEAD, chunk("hi"), event(payload), DONE], [STREAM_HEAD, chunk("hi"), STOP, DONE])

    strange = ask(relay, key, model="scripted", stream=True)
    after = ask(relay, key, model="scripted", stream=True)

    assert [recorded(response).state for response in (strange, after)] == ["completed", "completed"]


# --- Refuses ----------------------------------------------------------------------------------------------------------

# Body → status, parameter that the error names, code
BAD_BODIES = {
    "not JSON": (b"{", 400, None, "invalid_request"),
    "not UTF-8": (b'{"model":"\xff","messages":[]}', 400, None, "invalid_request"),
    "no object": (b"[]", 400, None, "invalid_request"),
    "nested too deep": (b'{"x":' + b"[" * 2000 + b"]" * 2000 + b"}", 400, None, "invalid_request"),
    "no model": (b'{"messages":[{"role":"user"}]}', 400, "model", "invalid_request"),
    "empty messages": (b'{"model":"doubao","messages":[]}', 400, "messages", "invalid_request"),
    "wrong type": (b'{"model":"doubao","messages":[{"role":7}]}', 400, "messages[0].role", "invalid_request"),
    "unknown model": (b'{"model":"nope","messages":[{"role":"user"}]}', 404, "model", "model_not_found"),
    "too large": (b'{"model":"' + b"x" * 5000 + b'"}', 413, None, "body_too_large"),
}


@pytest.mark.parametrize(("body", "status", "param", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["with its length", "chunked"])
def test_bad_body_is_refused(
    hasty: Server, key: str, body: bytes, status: int, param: str | None, code: str, is_chunked: bool
) -> None:
    response = requests.post(
        hasty.url + "/v1/chat/completions",
        data=iter([body[:10], body[10:]]) if is_chunked else body,
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )

    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert not completions().exists()


def issue_key(**fields: Any) -> str:
    secret = ApiKey.objects.issue(caller="tests", is_throttled=False)
    ApiKey.objects.filter(token_key=secret[: len(ApiKey.objects.get().token_key)]).update(**fields)
    return secret


def test_no_key_is_refused(relay: Server, key: str) -> None:
    response = requests.post(relay.url + "/v1/chat/completions", json={}, timeout=10)

    assert (response.status_code, error_of(response)["code"]) == (401, "missing_api_key")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "authorization", ["Bearer rm_wrong", "Bearer ", "Bearer", "Token {key}", "{key}", "Bearer {key}x", "Bearer \xff"]
)
def test_wrong_key_is_refused(relay: Server, key: str, authorization: str) -> None:
    header = authorization.format(key=key).encode("latin-1")

    response = requests.post(relay.url + "/v1/chat/completions", headers={"Authorization": header}, timeout=10)

    error = error_of(response)
    assert (response.status_code, error["type"]) == (401, "authentication_error")
    assert key not in response.text


def test_expired_key_is_refused(relay: Server, sandbox: Sandbox, transactional_db: None) -> None:
    expired = issue_key(expiry=timezone.now() - dt.timedelta(seconds=1))

    response = ask(relay, expired, model="doubao")

    assert (response.status_code, error_of(response)["code"]) == (401, "invalid_api_key")


def test_revoked_key_is_refused(relay: Server, sandbox: Sandbox, key: str) -> None:
    before = ask(relay, key, model="doubao")
    ApiKey.objects.all().delete()

    response = ask(relay, key, model="doubao")

    assert (before.status_code, response.status_code) == (200, 401)


def test_key_that_may_not_use_the_model_is_refused(relay: Server, sandbox: Sandbox, transactional_db: None) -> None:
    limited = issue_key(allowed_models=["other"])

    response = ask(relay, limited, model="doubao")

    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (403, "model_not_allowed", "model")
    assert sandbox.chats() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused(relay: Server, key: str, method: str) -> None:
    response = requests.request(
        method, relay.url + "/v1/chat/completions", headers={"Authorization": f"Bearer {key}"}, timeout=10
    )

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert response.json()["error"]["code"] == "method_not_allowed"


# --- The provider misbehaves before the first content -----------------------------------------------------------------

# (fault of the sandbox, status, code, attempts when each route is tried twice)
EARLY_FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "our key": ({"kind": "status", "status": 401, "code": "AuthenticationError"}, 502, "upstream_refused"),
    "overdue": ({"kind": "status", "status": 403, "code": "AccountOverdueError"}, 502, "upstream_refused"),
    "bad request": ({"kind": "status", "status": 400, "code": "InvalidParameter"}, 400, "InvalidParameter"),
    "no such model": (
        {"kind": "status", "status": 404, "code": "InvalidEndpointOrModel.NotFound"},
        404,
        "model_not_found",
    ),
    "overload": ({"kind": "status", "status": 503, "code": "ServerOverloaded"}, 503, "upstream_unavailable"),
    "500": ({"kind": "status", "status": 500}, 503, "upstream_unavailable"),
    "HTML of a gateway": ({"kind": "status", "status": 502, "body": "<html>"}, 503, "upstream_unavailable"),
    "rate limit": ({"kind": "retry_after", "seconds": 7}, 429, "rate_limit_exceeded"),
    "error in a 200": ({"kind": "error_in_200", "code": "ServerOverloaded"}, 503, "upstream_unavailable"),
    "wrong parameter in a 200": ({"kind": "error_in_200", "code": "InvalidParameter"}, 400, "InvalidParameter"),
    "garbage": ({"kind": "garbage"}, 503, "upstream_unreadable"),
    "redirect": ({"kind": "redirect", "location": "http://127.0.0.1:9/"}, 503, "upstream_unavailable"),
    "reset": ({"kind": "reset_before"}, 503, "upstream_truncated"),
    "hang": ({"kind": "hang"}, 504, "upstream_timeout"),
}
EARLY_STREAM_FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "error frame": ({"kind": "error_frame", "after_chunks": 0}, 503, "upstream_unavailable"),
    "event: error": ({"kind": "error_frame", "after_chunks": 0, "event": True}, 503, "upstream_unavailable"),
    "error in a chunk": ({"kind": "error_in_chunk", "after_chunks": 0}, 503, "upstream_unavailable"),
    "slow first token": ({"kind": "slow_first_token", "delay_s": 3}, 504, "upstream_timeout"),
    "stall": ({"kind": "stall", "after_chunks": 0}, 504, "upstream_timeout"),
    "cut": ({"kind": "cut", "after_chunks": 0}, 503, "upstream_truncated"),
    "cut in a chunk": ({"kind": "cut", "after_chunks": 0, "mid_chunk": True}, 503, "upstream_truncated"),
    "cut in a character": ({"kind": "half_character", "after_chunks": 0}, 503, "upstream_truncated"),
    "empty": ({"kind": "empty"}, 503, "upstream_truncated"),
}


@pytest.mark.parametrize(("fault", "status", "code"), EARLY_FAULTS.values(), ids=EARLY_FAULTS)
@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_fault_before_the_first_byte_is_a_status(
    hasty: Server, sandbox: Sandbox, key: str, fault: dict[str, Any], status: int, code: str, is_stream: bool
) -> None:
    if fault["kind"] == "hang" and not is_stream:
        status, code = 504, "total_timeout"  # a whole answer has no first content
    sandbox.fault(**fault)

    response = ask(hasty, key, model="doubao", stream=is_stream)

    error = error_of(response)
    assert (response.status_code, error["code"]) == (status, code)
    assert response.headers.get("Retry-After") == ("7" if status == 429 else None)
    completion = recorded()
    assert (completion.state, completion.error_code, completion.attempts) == ("failed", code, 1)


@pytest.mark.parametrize(("fault", "status", "code"), EARLY_STREAM_FAULTS.values(), ids=EARLY_STREAM_FAULTS)
def test_fault_of_a_stream_before_its_first_content_is_a_status(
    hasty: Server, sandbox: Sandbox, key: str, fault: dict[str, Any], status: int, code: str
) -> None:
    sandbox.fault(**fault)

    response = ask(hasty, key, model="doubao", stream=True)

    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_provider_that_can_not_be_reached_is_a_504(hasty: Server, add_model: AddModel, key: str) -> None:
    add_model("away", "http://127.0.0.1:9/v1")

    response = ask(hasty, key, model="away", stream=True)

    error = error_of(response)
    assert (response.status_code, error["code"]) == (504, "upstream_connect_failed")
    assert "127.0.0.1" not in response.text


@pytest.mark.parametrize("base_url", ["ftp://x/v1", "http://user:pass@x/v1", "http://x:99999/v1"])
def test_route_that_can_not_be_asked_is_a_502(hasty: Server, add_model: AddModel, key: str, base_url: str) -> None:
    add_model("odd", base_url)

    response = ask(hasty, key, model="odd", stream=True)

    assert (response.status_code, error_of(response)["code"]) == (502, "route_misconfigured")


def test_provider_without_a_key_is_not_asked(
    hasty: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    route = add_model("keyless", provider.base_url).routes.get()
    route.provider.api_key_env = "NOT_SET_ANYWHERE"
    route.provider.save()

    response = ask(hasty, key, model="keyless", stream=True)

    assert (response.status_code, error_of(response)["code"]) == (502, "route_misconfigured")
    assert "NOT_SET_ANYWHERE" not in response.text
    assert provider.requests == []


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("status", "our_status", "code"),
    [
        (400, 400, "upstream_error"),
        (401, 502, "upstream_refused"),
        (429, 429, "rate_limit_exceeded"),
        (503, 503, "upstream_unavailable"),
    ],
)
@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "endless"])
def test_status_counts_whatever_its_body_is(
    hasty: Server,
    provider: ScriptedProvider,
    key: str,
    status: int,
    our_status: int,
    code: str,
    is_cut: bool,
    is_stream: bool,
) -> None:
    gzipped = head(status, "Content-Encoding: gzip")
    provider.on_request([gzipped, b"\x1f\x8b"] if is_cut else [head(status), b"x" * 100_000])

    response = ask(hasty, key, model="scripted", stream=is_stream)

    assert (response.status_code, error_of(response)["code"]) == (our_status, code)


@pytest.mark.parametrize(
    "body",
    [b'{"error":{"code":"rate_limit_exceeded"}}', b'data: {"error":{"code":"rate_limit_exceeded"}}\n'],
    ids=["JSON in a stream", "event without an end"],
)
def test_error_in_an_incomplete_event_is_understood(
    hasty: Server, provider: ScriptedProvider, key: str, body: bytes
) -> None:
    provider.stream(body)

    response = ask(hasty, key, model="scripted", stream=True)

    assert (response.status_code, error_of(response)["code"]) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1e400", "tomorrow", "x"])
def test_strange_retry_after_becomes_ours(hasty: Server, provider: ScriptedProvider, key: str, value: str) -> None:
    provider.on_request([answer(429, b"{}", f"Retry-After: {value}")])

    response = ask(hasty, key, model="scripted", stream=True)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")


# --- Retry and fail-over ----------------------------------------------------------------------------------------------


def test_overload_is_tried_again_after_a_pause(relay: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("status", status=503, code="ServerOverloaded", times=1)

    response = ask(relay, key, model="doubao", stream=True)

    first, second = sandbox.chats()
    assert recorded(response).attempts == 2
    assert 0.3 < second["received_at"] - first["received_at"] < 2
    assert events_of(response).count("[DONE]") == 1


def test_retry_after_of_the_provider_is_kept(relay: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("retry_after", seconds=1, times=1)

    response = ask(relay, key, model="doubao", stream=True)

    first, second = sandbox.chats()
    assert response.status_code == 200
    assert 0.95 < second["received_at"] - first["received_at"] < 3


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_refusal_is_not_tried_again(relay: Server, sandbox: Sandbox, key: str, is_stream: bool) -> None:
    sandbox.fault("status", status=400, code="InvalidParameter", times=1)

    response = ask(relay, key, model="doubao", stream=is_stream)

    assert response.status_code == 400
    assert len(sandbox.chats()) == 1


FIRST_ROUTE_FAILS: dict[str, list[Any]] = {
    "503": [answer(503, b"{}")],
    "401": [answer(401, b"{}")],
    "404": [answer(404, b"{}")],
    "reset": [Act.RESET],
    "cut after the role": [STREAM_HEAD, chunk("", role="assistant")],
    "error after the role": [STREAM_HEAD, chunk("", role="assistant"), event({"error": {"code": "server_error"}})],
    "cut after empty members": [
        STREAM_HEAD,
        chunk("", role="assistant", tool_calls=[], reasoning_details=[], audio={}, images=None),
    ],
    "silence": [STREAM_HEAD, Act.UNTIL_LEFT],
    "silence after the role": [STREAM_HEAD, chunk("", role="assistant"), Act.UNTIL_LEFT],
}


@pytest.mark.parametrize("script", FIRST_ROUTE_FAILS.values(), ids=FIRST_ROUTE_FAILS)
def test_second_route_answers_when_the_first_fails(
    hasty: Server, provider: ScriptedProvider, sandbox: Sandbox, add_model: AddModel, key: str, script: list[Any]
) -> None:
    provider.on_request(script)
    add_model("doubled", provider.base_url, sandbox.url + "/v1")

    response = ask(hasty, key, model="doubled", stream=True)

    completion = recorded(response)
    [chat] = sandbox.chats()
    assert chat["model"] == "gpt-1"
    assert (completion.provider, completion.upstream_model, completion.attempts) == ("doubled-1", "gpt-1", 2)
    assert (completion.state, completion.error_code) == ("completed", "")
    events = events_of(response)
    assert [event["choices"][0]["delta"].get("role") for event in events if event != "[DONE]"].count("assistant") == 1
    assert events.count("[DONE]") == 1


def test_whole_answer_comes_from_the_second_route(
    hasty: Server, sandbox: Sandbox, add_model: AddModel, key: str
) -> None:
    add_model("doubled", "http://127.0.0.1:9/v1", sandbox.url + "/v1")

    response = ask(hasty, key, model="doubled", stream=False)

    assert response.json()["model"] == "gpt-1"


def test_log_names_provider_chat_and_reason_of_a_failed_attempt(
    serve: Serve, sandbox: Sandbox, add_model: AddModel, key: str
) -> None:
    add_model("doubled", "http://127.0.0.1:9/v1", sandbox.url + "/v1")
    with serve(CHAT_TRIES_PER_ROUTE="1") as web:  # of its own: the same line is written a few times a minute
        response = ask(web, key, model="doubled", stream=False)
        said = f"doubled-0 failed chat {response.headers['X-Request-Id']} of model doubled: upstream_connect_failed"

        assert said in eventually(lambda: web.log, lambda log: said in log)


def test_last_fault_is_told_when_every_route_fails(
    hasty: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    provider.on_request([answer(503, b"{}")], [answer(429, b"{}", "Retry-After: 9")])
    add_model("doubled", provider.base_url, provider.base_url)

    response = ask(hasty, key, model="doubled", stream=True)

    assert (response.status_code, response.headers["Retry-After"]) == (429, "9")
    assert len(provider.requests) == 2


# --- The provider misbehaves after the first content ------------------------------------------------------------------

# (what comes after the first content, code)
LATE_FAULTS: dict[str, tuple[list[Any], str]] = {
    "cut": ([], "upstream_truncated"),
    "reset": ([0.05, Act.RESET], "upstream_truncated"),
    "cut in a chunk": ([chunk("more")[:-20]], "upstream_truncated"),
    "cut in a character": (["data: 河".encode()[:-1]], "upstream_truncated"),
    "error frame": ([event({"error": {"code": "server_error", "message": "m"}})], "upstream_unavailable"),
    "error frame without a status": ([event({"error": {"message": "m"}})], "upstream_unavailable"),
    "event: error": ([b"event: error\n" + event({"code": "rate_limit_error"})], "rate_limit_exceeded"),
    "event: error that is no JSON": ([b"event: error\ndata: overloaded\n\n"], "upstream_unavailable"),
    "session.error": ([event({"type": "session.error", "error": {"message": "m"}})], "upstream_unavailable"),
    "error in a chunk": (
        [
            event(
                {"error": {"code": 502}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}
            )
        ],
        "upstream_unavailable",
    ),
    "error beside an odd part": (
        [event({"error": {"code": "content_filter", "message": "m"}, "usage": "x"}), DONE],
        "content_filter",
    ),
    "error that is no event": ([b'{"error":{"code":"content_filter","message":"m"}}'], "content_filter"),
    "refused content": ([event({"error": {"code": "content_filter", "message": "m"}})], "content_filter"),
    "silence": ([Act.UNTIL_LEFT], "upstream_idle_timeout"),
    "silence but for keep-alives for ever": ([b": hb\n\n", 0.5] * 20, "total_timeout"),
    "too large an event": ([chunk("x" * 30_000), Act.UNTIL_LEFT], "upstream_too_large"),
    "an event without an end": ([b"data: " + b"x" * 30_000, Act.UNTIL_LEFT], "upstream_too_large"),
}


@pytest.mark.parametrize(("rest", "code"), LATE_FAULTS.values(), ids=LATE_FAULTS)
def test_fault_after_the_first_content_is_one_event_without_done(
    hasty: Server, provider: ScriptedProvider, key: str, rest: list[Any], code: str
) -> None:
    provider.stream(chunk("partial "), chunk("text"), 0.05, *rest)

    response = ask(hasty, key, model="scripted", stream=True)

    events = events_of(response)
    completion = recorded(response)
    assert response.status_code == 200
    assert text_of(events) == "partial text"
    assert [event["error"]["code"] for event in events if "error" in event] == [code]
    assert events[-1]["error"]["code"] == code
    assert (completion.state, completion.error_code, completion.attempts) == ("failed", code, 1)


# Deltas without a text.
OTHER_CONTENT: dict[str, dict[str, Any]] = {
    "reasoning": {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    "hidden reasoning": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
    "image": {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]},
    "audio": {"audio": {"id": "a", "data": "UklGRg=="}},
    "list": {"content": [{"type": "text", "text": "hi"}]},
    "function call": {"function_call": {"name": "f", "arguments": ""}},
    "refusal": {"refusal": "no"},
    "member of tomorrow": {"hologram": {"x": 1}},
}


@pytest.mark.parametrize("delta", OTHER_CONTENT.values(), ids=OTHER_CONTENT)
def test_content_of_any_kind_is_passed_on_at_once(
    relay: Server, provider: ScriptedProvider, sandbox: Sandbox, add_model: AddModel, key: str, delta: dict[str, Any]
) -> None:
    role, other = chunk("", role="assistant", tool_calls=[]), chunk(delta.pop("content", None), **delta)
    provider.stream(role, other, Act.PART)
    add_model("doubled", provider.base_url, sandbox.url + "/v1")

    with open_stream(relay, key, model="doubled") as response:
        assert response.raw.read(len(role + other)) == role + other
        provider.go_on()
        rest = response.raw.read()

    assert b'"code":"upstream_truncated"' in rest
    completion = recorded(response)
    assert (completion.attempts, completion.first_content_ms is None, sandbox.chats()) == (1, False, [])


def test_content_that_comes_in_one_read_with_a_fault_is_delivered(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.on_request([STREAM_HEAD + chunk("partial ") + chunk("text") + event({"error": {"message": "m"}})])

    response = ask(relay, key, model="scripted", stream=True)

    events = events_of(response)
    assert (text_of(events), events[-1]["error"]["code"]) == ("partial text", "upstream_unavailable")


def test_nothing_is_tried_again_after_the_first_content(
    relay: Server, provider: ScriptedProvider, sandbox: Sandbox, add_model: AddModel, key: str
) -> None:
    provider.stream(chunk("once"))
    add_model("doubled", provider.base_url, sandbox.url + "/v1")

    response = ask(relay, key, model="doubled", stream=True)

    assert text_of(events_of(response)) == "once"
    assert (len(provider.requests), sandbox.chats()) == (1, [])


def test_truncated_stream_is_an_error_to_the_sdk(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("partial"))

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="scripted", messages=[], stream=True, extra_body={"messages": HELLO}
        )
        texts: list[str | None] = []
        with pytest.raises(openai.APIError, match="broke off"):
            texts.extend(each.choices[0].delta.content for each in stream)
    assert texts == ["partial"]


@pytest.mark.parametrize(
    "kind", ["gzip", "keepalives", "bytewise", "crlf", "no_done", "slow"], ids=lambda kind: str(kind)
)
@pytest.mark.parametrize("path", ["/api/v3", "/v1"])
def test_odd_but_whole_streams_are_whole(
    relay: Server, sandbox: Sandbox, add_model: AddModel, key: str, kind: str, path: str
) -> None:
    add_model("odd", sandbox.url + path, dialect="ark" if path == "/api/v3" else "openai")
    plain = ask(relay, key, model="odd", stream=True)
    sandbox.fault(kind, **({"delay_s": 0.001} if kind == "slow" else {}))

    response = ask(relay, key, model="odd", stream=True)

    assert text_of(events_of(response)) == text_of(events_of(plain))
    assert events_of(response).count("[DONE]") == 1
    assert (recorded(response).state, recorded(response).completion_tokens) == (
        "completed",
        recorded(plain).completion_tokens,
    )


# --- Timeouts ---------------------------------------------------------------------------------------------------------


def test_idle_time_counts_chunks(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    chunks: list[Step] = [chunk("a"), 0.7] * 4
    provider.stream(*chunks, STOP, DONE)  # 2.8 s, with a longest silence below the idle timeout of 1 s

    response = ask(hasty, key, model="scripted", stream=True)

    assert (text_of(events_of(response)), recorded(response).state) == ("aaaa", "completed")


def test_stall_after_the_head_ends_in_time(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(Act.UNTIL_LEFT)
    began_at = time.monotonic()

    response = ask(hasty, key, model="scripted", stream=True)

    assert response.status_code == 504
    assert 0.9 < time.monotonic() - began_at < 3
    assert provider.left_after(began_at) < 3


def test_total_time_of_a_whole_answer_counts_all_its_attempts(
    hasty: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    add_model("doubled", provider.base_url, provider.base_url)
    provider.on_request([2.5, answer(503, b"{}")], [Act.UNTIL_LEFT])
    began_at = time.monotonic()

    response = ask(hasty, key, model="doubled")

    assert (response.status_code, error_of(response)["code"], recorded().attempts) == (504, "total_timeout", 2)
    assert 3.5 < time.monotonic() - began_at < 6  # each with 4 s of its own: 6.5 s


def test_database_that_hangs_holds_a_client_for_a_bounded_time(serve: Serve, key: str) -> None:
    with serve(DATABASE_POOL_TIMEOUT_S="0.5") as server, psycopg.connect(database_url()) as other:
        other.execute("LOCK TABLE access_apikey")
        began_at = time.monotonic()

        response = ask(server, key, model="doubao")
        took_s = time.monotonic() - began_at

        other.rollback()
        after = ask(server, key, model="nope")

    assert (response.status_code, error_of(response)["code"]) == (503, "unavailable")
    assert 0.9 < took_s < 4
    assert error_of(after)["code"] == "model_not_found"


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A local port whose connection queue is full: connecting to it gets no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_connect_timeout(hasty: Server, add_model: AddModel, key: str) -> None:
    with deaf_port() as port:
        add_model("deaf", f"http://127.0.0.1:{port}/v1")
        began_at = time.monotonic()

        response = ask(hasty, key, model="deaf", stream=True)

    assert (response.status_code, error_of(response)["code"]) in {
        (504, "upstream_connect_failed"),
        (504, "upstream_timeout"),  # both timeouts are one second
    }
    assert time.monotonic() - began_at < 4


# --- Secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_no_answer_tells_our_key_or_the_providers_host(
    hasty: Server, provider: ScriptedProvider, key: str, status: int, is_stream: bool
) -> None:
    host = f"127.0.0.1:{provider.port}"
    told = f"key {PROVIDER_KEY} at {host} (https://ark.internal/api/v3)"
    error = {"error": {"code": told, "message": told, "type": told, "param": told}}
    provider.on_request([answer(status, json.dumps(error).encode(), f"Server: {host}", f"X-Key: {PROVIDER_KEY}")])

    response = ask(hasty, key, model="scripted", stream=is_stream)

    everything = response.text + str(response.headers)
    assert [secret in everything for secret in (PROVIDER_KEY, host, "ark.internal")] == [False] * 3
    completion = recorded()
    assert [secret in completion.error_detail for secret in (PROVIDER_KEY, "ark.internal")] == [False] * 2


def test_error_in_a_stream_tells_no_secret(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    told = f"key {PROVIDER_KEY} at 127.0.0.1:{provider.port}, that is 127.0.0.1"
    provider.stream(chunk("hi"), event({"error": {"code": "content_filter", "message": told}}))

    response = ask(hasty, key, model="scripted", stream=True)

    assert events_of(response)[-1]["error"]["message"] == "key [hidden] at [hidden], that is [hidden]"


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_app_profile_tells_no_secret_either(hasty: Server, provider: ScriptedProvider, key: str, status: int) -> None:
    told = f"key {PROVIDER_KEY} at 127.0.0.1:{provider.port}"
    error = {"error": {"code": "content_filter", "message": told, "param": told}}
    before = [answer(status, json.dumps(error).encode())]
    provider.on_request(before, [STREAM_HEAD, chunk("hi"), event(error)])

    answers = [ask(hasty, key, path="/api/chat/", model="scripted") for _ in range(2)]

    assert [each.status_code == 200 for each in answers] == [False, True]
    assert '"code":"content_filter","message":"key [hidden] at [hidden]"' in answers[1].text
    everything = "".join(each.text + str(each.headers) for each in answers)
    assert [secret in everything for secret in (PROVIDER_KEY, "127.0.0.1")] == [False] * 2


def test_log_has_no_secret(hasty: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("status", status=401, message=f"key {ARK_KEY} is wrong")

    ask(hasty, key, model="doubao", stream=True)

    assert [secret in hasty.log for secret in (ARK_KEY, PROVIDER_KEY, key)] == [False] * 3
