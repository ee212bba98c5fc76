"""What providers refuse, as clients meet it: its class by status and code, in our words where it is about us."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import openai
import pytest
import requests

from foundation.access.models import ApiKey
from sandbox.vendors import refusals as sandbox_refusals
from streaming.catalogue import vendors
from streaming.models import Provider
from streaming.wire.dialects import openai as dialect
from streaming.wire.vendors.refusals import Reported
from tests.servers import Server
from tests.streaming.conftest import AddModel, Sandbox, ask, recorded
from tests.streaming.scripted_provider import DONE, STREAM_HEAD, Act, ScriptedProvider, Step, answer, chunk, event

HELLO: Any = [{"role": "user", "content": "hello"}]
STOP = chunk(finish_reason="stop")
WHOLE: Any = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}

SetVendor = Callable[[str], None]


@pytest.fixture
def set_vendor(provider: ScriptedProvider) -> SetVendor:
    """Says whose words the scripted provider speaks."""

    def set_it(vendor: str) -> None:
        Provider.objects.filter(slug="scripted-0").update(vendor=vendor)

    return set_it


@pytest.fixture
def second_route(add_model: AddModel, provider: ScriptedProvider) -> str:
    """A model whose second route answers."""
    add_model("doubled", provider.base_url, provider.base_url)
    return "doubled"


def refuse(status: int, body: Any, *headers: str) -> list[Step]:
    payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return [answer(status, payload, *headers)]


def error_of(response: requests.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


# (vendor, status of the answer, its body): our account, and nothing that our client could mend.
REFUSALS: dict[str, tuple[str, int, Any]] = {
    "zhipu": ("zhipu", 429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试。"}}),
    "zhipu, flat in a 200": ("zhipu", 200, {"code": 1113, "msg": "您的账户已欠费，请充值后重试。"}),
    "dashscope": ("dashscope", 400, {"code": "Arrearage", "message": "Access denied, 欠费"}),
    "deepseek": (
        "deepseek",
        402,
        {"error": {"message": "Insufficient Balance, 欠费", "code": "invalid_request_error"}},
    ),
    "minimax": ("minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance, 欠费"}}),
    "ark": ("ark", 429, {"error": {"code": "SetLimitExceeded", "message": "欠费"}}),
    "siliconflow": ("siliconflow", 401, b'"Invalid token, \xe6\xac\xa0\xe8\xb4\xb9"'),
}


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("vendor", "status", "body"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_of_our_account_is_a_502_in_our_words(
    relay: Server,
    provider: ScriptedProvider,
    set_vendor: SetVendor,
    key: str,
    vendor: str,
    status: int,
    body: Any,
    is_stream: bool,
) -> None:
    set_vendor(vendor)
    provider.on_request(refuse(status, body))

    response = ask(relay, key, model="scripted", stream=is_stream)

    error = error_of(response)
    assert (response.status_code, error["code"], error["message"]) == (
        502,
        "upstream_refused",
        "The provider refused our access.",
    )
    assert "欠费" not in response.text
    assert response.headers["x-should-retry"] == "false"
    assert len(provider.requests) == 1  # although each route may be tried twice
    row = recorded()
    assert (row.state, row.error_code, row.attempts) == ("failed", "upstream_refused", 1)
    assert "欠费" in row.error_detail


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
def test_next_route_answers_at_once_when_the_money_is_gone(
    relay: Server, provider: ScriptedProvider, second_route: str, key: str, is_stream: bool
) -> None:
    Provider.objects.filter(slug="doubled-0").update(vendor="zhipu")
    whole = [STREAM_HEAD, chunk("hi"), STOP, DONE] if is_stream else refuse(200, WHOLE)
    provider.on_request(refuse(429, {"error": {"code": "1113", "message": "m"}}), whole)

    response = ask(relay, key, model=second_route, stream=is_stream)

    assert (response.status_code, "hi" in response.text) == (200, True)
    row = recorded(response)
    assert (row.state, row.provider, row.attempts, row.error_code) == ("completed", "doubled-1", 2, "")


# (vendor, status of the answer, its body) → (status, code) for the client, and how often the route is asked
CLASSES: dict[str, tuple[str, int, Any, int, str, int]] = {
    "rate": ("zhipu", 429, {"error": {"code": "1302", "message": "m"}}, 429, "rate_limit_exceeded", 2),
    "overload in a 429": (
        "moonshot",
        429,
        {"error": {"type": "engine_overloaded_error"}},
        503,
        "upstream_unavailable",
        2,
    ),
    "overload in a 529": ("siliconflow", 529, {"error": {"type": "overloaded_error"}}, 503, "upstream_unavailable", 2),
    "context": ("zhipu", 400, {"error": {"code": "1261", "message": "Prompt 超长"}}, 400, "context_length_exceeded", 1),
    "context, FastAPI": (
        "",
        400,
        {"detail": "This model's maximum context length is 8192 tokens."},
        400,
        "context_length_exceeded",
        1,
    ),
    "content": ("minimax", 200, {"base_resp": {"status_code": 1026, "status_msg": "m"}}, 400, "content_filter", 1),
    "content in a 403": (
        "qianfan",
        403,
        {"error": {"code": "system_unsafe", "message": "m"}},
        400,
        "content_filter",
        1,
    ),
    "content in a 451": ("stepfun", 451, {"error": {"type": "censorship_blocked"}}, 400, "content_filter", 1),
    "wrong parameter": ("zhipu", 400, {"error": {"code": "1214", "message": "m"}}, 400, "1214", 1),
    "model": ("qianfan", 401, {"error": {"code": "invalid_model"}}, 404, "model_not_found", 1),
    "FastAPI": ("", 422, {"detail": [{"loc": ["body", "n"], "msg": "m", "input": "HELLO"}]}, 422, "upstream_error", 1),
}


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("vendor", "status", "body", "our_status", "code", "asked"), CLASSES.values(), ids=CLASSES)
def test_class_of_an_error_beats_its_status(
    relay: Server,
    provider: ScriptedProvider,
    set_vendor: SetVendor,
    key: str,
    vendor: str,
    status: int,
    body: Any,
    our_status: int,
    code: str,
    asked: int,
    is_stream: bool,
) -> None:
    set_vendor(vendor)
    provider.on_request(refuse(status, body))

    response = ask(relay, key, model="scripted", stream=is_stream)

    assert (response.status_code, error_of(response)["code"]) == (our_status, code)
    assert ("Retry-After" in response.headers) == (our_status == 429)
    assert response.headers["x-should-retry"] == "false"
    assert (len(provider.requests), "HELLO" in response.text) == (asked, False)
    assert recorded().error_code == code


# Bodies of a 400 whose words the operator has to see, and the client may.
SHAPES: dict[str, Any] = {
    "error": {"error": {"message": "n must be 1"}},
    "text": {"error": "n must be 1"},
    "flat": {"code": 7, "msg": "n must be 1"},
    "detail": {"detail": "n must be 1"},
    "FastAPI": {"detail": [{"loc": ["body", "n"], "msg": "n must be 1"}]},
    "errors": {"errors": [{"message": "n must be 1"}]},
    "list": [{"error": {"message": "n must be 1"}}],
    "bare text": "n must be 1",
    "no JSON": b"n must be 1",
    "MiniMax": {"base_resp": {"status_code": 7, "status_msg": "n must be 1"}},
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_providers_words_are_kept_in_every_shape(
    hasty: Server, provider: ScriptedProvider, key: str, body: Any
) -> None:
    provider.on_request(refuse(400, body))

    response = ask(hasty, key, model="scripted")

    assert (response.status_code, "n must be 1" in error_of(response)["message"]) == (400, True)
    assert "n must be 1" in recorded().error_detail


def test_page_of_a_gateway_is_for_the_operator(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    page = b"<html><head><title>400 Bad Request</title></head><body>nginx of inner.example</body></html>"
    provider.on_request(refuse(400, page))

    response = ask(hasty, key, model="scripted")

    assert (response.status_code, "nginx" in response.text, "html" in response.text) == (400, False, False)
    assert recorded().error_detail == "400 upstream_error: 400 Bad Request: nginx of inner.example"


ABOUT = {
    "money": (502, "upstream_refused"),
    "key": (502, "upstream_refused"),
    "rate": (429, "rate_limit_exceeded"),
    "overload": (503, "upstream_unavailable"),
    "context": (400, "context_length_exceeded"),
    "content": (400, "content_filter"),
}


@pytest.mark.parametrize(
    ("vendor", "about", "refusal"),
    [(vendor, about, each) for vendor, said in sandbox_refusals.REFUSALS.items() for about, each in said.items()],
)
def test_every_vendor_of_the_sandbox_is_understood(vendor: str, about: str, refusal: tuple[int, Any]) -> None:
    status, body = refusal[0], msgspec.json.encode(refusal[1])
    reported = dialect.DIALECT.error(body) if status == 200 else dialect.DIALECT.refusal(body, status=status)
    table = vendors.of(vendor=vendor, base_url="", slug="", dialect="")

    fault = reported.by(table) if isinstance(reported, Reported) else reported

    assert (fault.status, fault.code) == ABOUT[about]


def test_sandbox_plays_a_refusal(hasty: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("refusal", vendor="ark", about="money")

    response = ask(hasty, key, model="doubao")

    assert (response.status_code, error_of(response)["code"]) == ABOUT["money"]


# --- In a stream ------------------------------------------------------------------------------------------------------

IN_BAND: dict[str, tuple[str, Any, str, str]] = {
    "money": ("zhipu", {"error": {"code": "1113", "message": "欠费"}}, "upstream_refused", "server_error"),
    "money, flat": ("zhipu", {"code": 1113, "msg": "欠费"}, "upstream_refused", "server_error"),
    "rate": ("ark", {"error": {"code": "RateLimitExceeded"}}, "rate_limit_exceeded", "rate_limit_error"),
    "content": ("ark", {"error": {"code": "OutputTextRiskDetection"}}, "content_filter", "invalid_request_error"),
    "context": ("zhipu", {"error": {"code": 1261}}, "context_length_exceeded", "invalid_request_error"),
    "MiniMax": ("minimax", {"base_resp": {"status_code": 1002}}, "rate_limit_exceeded", "rate_limit_error"),
}


@pytest.mark.parametrize(("vendor", "error", "code", "kind"), IN_BAND.values(), ids=IN_BAND)
def test_class_of_an_error_is_kept_in_a_stream(
    relay: Server,
    provider: ScriptedProvider,
    set_vendor: SetVendor,
    key: str,
    vendor: str,
    error: Any,
    code: str,
    kind: str,
) -> None:
    set_vendor(vendor)
    provider.stream(chunk("partial"), event(error))

    response = ask(relay, key, model="scripted", stream=True)

    last = json.loads(response.content.rstrip().rpartition(b"data: ")[2])
    assert (last["error"]["code"], last["error"]["type"]) == (code, kind)
    assert ("欠费" in response.text, b"[DONE]" in response.content) == (False, False)
    assert (recorded(response).state, recorded(response).error_code) == ("failed", code)


# --- Finish reasons ---------------------------------------------------------------------------------------------------

FAILING = [("zhipu", "network_error"), ("deepseek", "insufficient_system_resource"), ("", "aborted")]


@pytest.mark.parametrize(("vendor", "reason"), FAILING)
def test_failing_finish_before_content_lets_the_next_route_answer(
    hasty: Server, provider: ScriptedProvider, second_route: str, key: str, vendor: str, reason: str
) -> None:
    Provider.objects.filter(slug="doubled-0").update(vendor=vendor)
    failing = [STREAM_HEAD, event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}), DONE]
    provider.on_request(failing, [STREAM_HEAD, chunk("hi"), STOP, DONE])

    response = ask(hasty, key, model=second_route, stream=True)

    assert response.content == chunk("hi") + STOP + DONE
    assert (recorded(response).state, recorded(response).provider) == ("completed", "doubled-1")


@pytest.mark.parametrize(("vendor", "reason"), FAILING)
def test_failing_finish_without_another_route_is_a_503(
    hasty: Server, provider: ScriptedProvider, set_vendor: SetVendor, key: str, vendor: str, reason: str
) -> None:
    set_vendor(vendor)
    provider.stream(event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}), DONE)

    response = ask(hasty, key, model="scripted", stream=True)

    assert (response.status_code, error_of(response)["code"]) == (503, "upstream_unavailable")
    row = recorded()
    assert (row.state, row.finish_reason, row.error_detail) == ("failed", reason, f"finish_reason {reason}")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
@pytest.mark.parametrize(("vendor", "reason"), FAILING)
def test_failing_finish_after_content_is_an_error_and_no_end(
    hasty: Server, provider: ScriptedProvider, set_vendor: SetVendor, key: str, vendor: str, reason: str, path: str
) -> None:
    set_vendor(vendor)
    provider.stream(chunk("partial"), chunk(finish_reason=reason), DONE)

    response = ask(hasty, key, path=path, model="scripted", stream=True)

    assert ("partial" in response.text, reason in response.text) == (True, False)
    assert response.text.count("upstream_unavailable") == 1
    assert [end in response.text for end in ("[DONE]", "event: done")] == [False, False]
    assert (recorded(response).state, recorded(response).finish_reason) == ("failed", reason)


@pytest.mark.parametrize(("vendor", "reason"), FAILING)
def test_failing_finish_of_a_whole_answer_lets_the_next_route_answer(
    hasty: Server, provider: ScriptedProvider, second_route: str, key: str, vendor: str, reason: str
) -> None:
    Provider.objects.filter(slug="doubled-0").update(vendor=vendor)
    failing = {"choices": [{"message": {"content": "half"}, "finish_reason": reason}]}
    provider.on_request(refuse(200, failing), refuse(200, WHOLE))

    response = ask(hasty, key, model=second_route)

    assert response.json() == WHOLE
    assert (recorded().state, recorded().provider, recorded().attempts) == ("completed", "doubled-1", 2)


@pytest.mark.parametrize("content", ["partial", ""])
@pytest.mark.parametrize("reason", ["sensitive", "content_filter"])
def test_refused_content_ends_a_stream_as_content_filter(
    hasty: Server, provider: ScriptedProvider, set_vendor: SetVendor, key: str, reason: str, content: str
) -> None:
    set_vendor("zhipu")
    provider.stream(chunk(content), chunk(finish_reason=reason), DONE)

    openai_answer = ask(hasty, key, model="scripted", stream=True)
    app_answer = ask(hasty, key, path="/api/chat/", model="scripted")

    assert openai_answer.content.endswith(DONE)
    assert (
        '"finish_reason":"content_filter"' in openai_answer.text.replace(" ", ""),
        "sensitive" in openai_answer.text,
    ) == (
        True,
        False,
    )
    assert 'event: done\ndata: {"finish_reason":"content_filter"' in app_answer.text
    for each in (openai_answer, app_answer):
        row = recorded(each)
        assert (row.state, row.finish_reason) == ("completed", "content_filter")
        assert row.error_code == ("" if content else "content_filter")


@pytest.mark.parametrize("content", ["partial", ""])
def test_refused_content_ends_a_whole_answer_as_content_filter(
    hasty: Server, provider: ScriptedProvider, set_vendor: SetVendor, key: str, content: str
) -> None:
    set_vendor("zhipu")
    body = {
        "id": "i",
        "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "sensitive"}],
    }
    provider.on_request(refuse(200, body))

    response = ask(hasty, key, model="scripted")

    [choice] = response.json()["choices"]
    assert choice == {"message": {"role": "assistant", "content": content}, "finish_reason": "content_filter"}
    assert recorded().error_code == ("" if content else "content_filter")


def test_full_context_is_a_length_after_content_and_an_error_before(
    hasty: Server, provider: ScriptedProvider, set_vendor: SetVendor, key: str
) -> None:
    set_vendor("zhipu")
    full = chunk(finish_reason="model_context_window_exceeded")
    provider.on_request([STREAM_HEAD, chunk("partial"), full, DONE], [STREAM_HEAD, full, DONE])

    after, before = (ask(hasty, key, model="scripted", stream=True) for _ in range(2))

    assert (recorded(after).state, recorded(after).finish_reason) == ("completed", "length")
    assert (before.status_code, error_of(before)["code"]) == (400, "context_length_exceeded")


# --- An SDK's own tries -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ([answer(503, b"{}")], 2),
        ([answer(429, b"{}", "Retry-After: 1")], 2),
        ([answer(429, b'{"error":{"code":"insufficient_quota"}}')], 1),
        ([Act.RESET], 2),
    ],
    ids=["overload", "rate", "quota", "reset"],
)
def test_call_of_an_sdk_makes_one_request(
    relay: Server, provider: ScriptedProvider, key: str, script: list[Step], asked: int, is_stream: bool
) -> None:
    provider.on_request(script)

    with (
        openai.OpenAI(base_url=relay.url + "/v1", api_key=key) as client,  # with its two retries
        pytest.raises(openai.APIStatusError),
    ):
        client.chat.completions.create(model="scripted", messages=HELLO, stream=is_stream)

    assert (len(provider.requests), recorded().attempts) == (asked, asked)


def test_limit_of_our_own_may_be_tried_again(relay: Server, sandbox: Sandbox, transactional_db: None) -> None:
    secret = ApiKey.objects.issue(caller="limited")
    ApiKey.objects.update(requests_per_minute=1)

    answers = [ask(relay, secret, model="doubao") for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 429]
    assert ("Retry-After" in answers[1].headers, "x-should-retry" in answers[1].headers) == (True, False)
