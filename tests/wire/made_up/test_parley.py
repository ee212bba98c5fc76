"""From a client's request to its last token over a provider whose protocol is not in the product."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from streaming.models import ChatModel, Provider
from tests.servers import Server
from tests.streaming import app_client
from tests.streaming.conftest import (  # noqa: F401  # fixtures, found by their names
    PROVIDER_KEY,
    AddModel,
    Serve,
    add_model,
    ask,
    key,
    provider,
    recorded,
    serve,
)
from tests.streaming.scripted_provider import DONE as OPENAI_DONE
from tests.streaming.scripted_provider import STREAM_HEAD, ScriptedProvider, Step, answer, chunk

QUESTION: Any = [{"role": "user", "content": "hello"}]


def event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(members)}\n\n".encode()


OPENED = event("opened", counts={"heard": 5})
SAID = [event("speech", muse="Hm. "), event("speech", say="Good "), event("speech", say="day.")]
CLOSED = event("closed", why="said_all", counts={"said": 7})
PROBLEM = event("problem", problem={"kind": "hoarse", "text": f"no voice left for {PROVIDER_KEY}"})


@pytest.fixture(scope="module")
def relay(serve: Serve) -> Iterator[Server]:  # noqa: F811
    with serve(DJANGO_SETTINGS_MODULE="tests.wire.made_up.settings", CHAT_TRIES_PER_ROUTE="1") as server:
        yield server


@pytest.fixture
def parley(provider: ScriptedProvider, add_model: AddModel) -> ScriptedProvider:  # noqa: F811
    """A provider that speaks Parley, behind the model `parley`."""
    add_model("parley", provider.base_url, dialect="parley")
    return provider


def usage_of(recorded_turn: Any) -> tuple[int, int]:
    return recorded_turn.prompt_tokens, recorded_turn.completion_tokens


def test_openai_client_streams(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID, CLOSED)

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="parley", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)

    deltas = [each.choices[0].delta for each in chunks if each.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Good day."
    assert [(delta.model_extra or {}).get("reasoning_content") for delta in deltas].count("Hm. ") == 1
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (5, 7)
    row = recorded()
    assert (row.state, row.finish_reason, usage_of(row)) == ("completed", "stop", (5, 7))


def test_provider_is_asked_in_its_own_words(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID, CLOSED)

    ask(relay, key, model="parley", stream=True)

    [request] = parley.requests
    assert request.head.startswith("POST /v1/talk HTTP/1.1")
    assert f"x-parley-key: {PROVIDER_KEY}".lower() in request.head.lower()
    assert "authorization" not in request.head.lower()
    assert request.json() == {"voice": "gpt-0", "lines": QUESTION, "live": True}


def test_client_that_asked_for_no_usage_gets_none(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID, CLOSED)

    response = ask(relay, key, model="parley", stream=True)

    assert b'"usage"' not in response.content
    assert response.content.endswith(b"data: [DONE]\n\n")
    assert usage_of(recorded(response)) == (5, 7)


def test_whole_answer_has_openais_shape(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    body = json.dumps({"say": "Good day.", "why": "out_of_breath", "counts": {"heard": 5, "said": 7}})
    parley.on_request([answer(200, body.encode())])

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        whole = client.chat.completions.create(model="parley", messages=QUESTION)

    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("Good day.", "length")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 12
    row = recorded()
    assert (row.state, row.finish_reason, usage_of(row)) == ("completed", "length", (5, 7))


def test_app_client_streams(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID, CLOSED)

    chat = app_client.start(relay.url, key, {"messages": QUESTION, "model": "parley"})
    chat.rest()

    assert [(name, payload) for _id, name, payload in chat.events[1:]] == [
        ("reasoning", {"text": "Hm. "}),
        ("delta", {"text": "Good "}),
        ("delta", {"text": "day."}),
        (
            "done",
            {"finish_reason": "stop", "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}},
        ),
    ]
    assert recorded(chat.response).state == "completed"


# What the first route does → the fault that the second route makes up for.
FAILURES: dict[str, list[Step]] = {
    "refusal": [answer(500, b'{"problem":{"kind":"hoarse"}}')],
    "no money": [answer(400, b'{"problem":{"kind":"purse_empty"}}')],
    "problem in a 200": [answer(200, b'{"problem":{"kind":"hoarse"}}')],
    "problem before the first word": [STREAM_HEAD, OPENED, PROBLEM],
    "cut before the first word": [STREAM_HEAD, OPENED],
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_next_route_answers(
    relay: Server,
    parley: ScriptedProvider,
    add_model: AddModel,  # noqa: F811
    key: str,  # noqa: F811
    failure: list[Step],
) -> None:
    model = add_model("both", parley.base_url, parley.base_url, dialect="parley")
    second = model.routes.get(position=1).provider
    second.dialect = "openai"
    second.save()
    parley.on_request(failure, [STREAM_HEAD, chunk("plain"), chunk(finish_reason="stop"), OPENAI_DONE])

    response = ask(relay, key, model="both", stream=True)

    row = recorded(response)
    assert (response.status_code, row.state, row.provider, row.attempts) == (200, "completed", "both-1", 2)
    assert [request.head.split()[1] for request in parley.requests] == ["/v1/talk", "/v1/chat/completions"]
    assert b"plain" in response.content


def test_problem_before_the_first_word_is_a_status(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.on_request([answer(400, b'{"problem":{"kind":"too_loud","text":"hush"}}', "Retry-After: 9")])

    response = ask(relay, key, model="parley", stream=True)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["message"]) == (
        429,
        "rate_limit_exceeded",
        "The provider takes no more requests right now. Try again in a moment.",
    )
    assert response.headers["Retry-After"] == "9"
    row = recorded()
    assert (row.state, row.error_code, row.error_detail) == ("failed", "rate_limit_exceeded", "400 too_loud: hush")


def test_problem_in_mid_answer_is_reported_and_recorded(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID, PROBLEM)

    response = ask(relay, key, model="parley", stream=True)

    last = json.loads(response.content.rstrip().rpartition(b"data: ")[2])
    assert last["error"]["code"] == "upstream_unavailable"
    assert b"[DONE]" not in response.content
    row = recorded(response)
    assert (row.state, row.error_code) == ("failed", "upstream_unavailable")
    assert row.error_detail == "200 hoarse: no voice left for [hidden]"


def test_stream_that_is_cut_is_not_a_whole_answer(relay: Server, parley: ScriptedProvider, key: str) -> None:  # noqa: F811
    parley.stream(OPENED, *SAID)

    response = ask(relay, key, model="parley", stream=True)

    assert recorded(response).error_code == "upstream_truncated"


def test_operator_may_choose_it_where_the_setting_names_it(settings: Settings) -> None:
    row = Provider(slug="p", base_url="https://p.example/v1", api_key_env="P_API_KEY", dialect="parley")

    with pytest.raises(ValidationError, match="parley"):
        row.clean_fields()
    settings.CHAT_DIALECTS = {**settings.CHAT_DIALECTS, "parley": "tests.wire.made_up.dialect.DIALECT"}
    row.clean_fields()

    assert row.get_dialect_display() == "Parley"


def test_route_of_a_dialect_that_is_gone_is_passed_over(
    relay: Server,
    provider: ScriptedProvider,  # noqa: F811
    add_model: AddModel,  # noqa: F811
    key: str,  # noqa: F811
) -> None:
    provider.stream(chunk("plain"), chunk(finish_reason="stop"), OPENAI_DONE)
    model: ChatModel = add_model("gone", provider.base_url, provider.base_url)
    first = model.routes.get(position=0).provider
    first.dialect = "latin"
    first.save()

    response = ask(relay, key, model="gone", stream=True)

    assert recorded(response).provider == "gone-1"
