"""Routes as clients meet them: members that a provider refuses, routes that cool, limits of routes, their timeouts."""

from typing import Any

import pytest
import requests

from streaming.models import ChatModel, Route
from tests.servers import Server, eventually
from tests.streaming.conftest import AddModel, ask, completions, recorded
from tests.streaming.scripted_provider import (
    DONE,
    STREAM_HEAD,
    Act,
    ScriptedProvider,
    answer,
    chunk,
    event,
    scripted_provider,
)

STOP = chunk(finish_reason="stop")
REFUSES_OPTIONS = answer(422, b'{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}')
BUSY = answer(503, b'{"error":{"message":"busy"}}')


def set_routes(model: ChatModel, **fields: Any) -> None:
    for route in model.routes.all():
        Route.objects.filter(pk=route.pk).update(**fields)


def statuses(relay: Server, key: str, times: int, **fields: Any) -> list[int]:
    return [ask(relay, key, **fields).status_code for _ in range(times)]


def test_refused_stream_options_cost_one_request_once(relay: Server, provider: ScriptedProvider, key: str) -> None:
    answers = [STREAM_HEAD, chunk("hi"), STOP, DONE]
    provider.on_request([REFUSES_OPTIONS], answers)

    first = ask(relay, key, model="scripted", stream=True)
    second = ask(relay, key, model="scripted", stream=True)

    assert first.content == second.content == chunk("hi") + STOP + DONE
    assert ["stream_options" in request.json() for request in provider.requests] == [True, False, False]


def test_next_route_is_asked_where_one_blames_what_nobody_sent(
    relay: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    provider.stream(chunk("hi"), STOP, DONE)
    with scripted_provider() as stubborn:
        stubborn.on_request([REFUSES_OPTIONS])
        add_model("two", stubborn.base_url, provider.base_url)
        response = ask(relay, key, model="two", stream=True)

    assert response.content == chunk("hi") + STOP + DONE
    assert recorded(response).provider == "two-1"


def test_provider_without_a_key_answers(
    relay: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    provider.stream(chunk("hi"), STOP, DONE)
    route = add_model("keyless", provider.base_url + "/chat/completions?api-version=1").routes.get()
    route.provider.api_key_env = ""
    route.provider.save()

    response = ask(relay, key, model="keyless", stream=True)

    assert response.content == chunk("hi") + STOP + DONE
    assert provider.requests[0].head.startswith("POST /v1/chat/completions?api-version=1 HTTP/1.1\r\n")
    assert "authorization" not in provider.requests[0].head.lower()


def test_failing_route_is_passed_over_after_three_failures(
    hasty: Server, provider: ScriptedProvider, add_model: AddModel, key: str
) -> None:
    provider.stream(chunk("hi"), STOP, DONE)
    with scripted_provider() as failing:
        failing.on_request([BUSY])
        add_model("two", failing.base_url, provider.base_url)
        answers = statuses(hasty, key, 5, model="two", stream=True)

    assert answers == [200] * 5
    assert (len(failing.requests), len(provider.requests)) == (3, 5)


def test_only_route_is_asked_although_it_cools(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.on_request([BUSY], [BUSY], [BUSY], [BUSY], [STREAM_HEAD, chunk("hi"), STOP, DONE])

    assert statuses(hasty, key, 5, model="scripted", stream=True) == [503] * 4 + [200]


@pytest.mark.parametrize("is_stream", [True, False])
def test_routes_at_their_limits_are_a_429_with_retry_after(
    hasty: Server, provider: ScriptedProvider, key: str, is_stream: bool
) -> None:
    provider.on_request([answer(400, b'{"error":{"message":"no"}}')])
    set_routes(ChatModel.objects.get(name="scripted"), rpm=2)

    asked = statuses(hasty, key, 2, model="scripted", stream=is_stream)
    refused = ask(hasty, key, model="scripted", stream=is_stream)

    assert asked == [400, 400]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert len(provider.requests) == 2
    eventually(
        lambda: completions().filter(error_code="rate_limit_exceeded", attempts=0).count(), lambda count: count == 1
    )


def test_tokens_of_a_route_are_counted_from_its_usage(hasty: Server, provider: ScriptedProvider, key: str) -> None:
    usage = event({"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}})
    provider.stream(chunk("hi"), STOP, usage, DONE)
    set_routes(ChatModel.objects.get(name="scripted"), tpm=100)

    def refused() -> requests.Response:
        return ask(hasty, key, model="scripted", stream=True)

    first = refused()
    then = eventually(refused, lambda response: response.status_code == 429)

    assert first.status_code == 200
    assert "at its limit" in then.json()["error"]["message"]


def test_route_has_the_last_word_on_its_timeouts(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(Act.UNTIL_LEFT)
    model = ChatModel.objects.get(name="scripted")
    ChatModel.objects.filter(pk=model.pk).update(first_content_timeout_s=60)
    set_routes(model, first_content_timeout_s=0.2)

    response = ask(relay, key, model="scripted", stream=True)

    assert response.status_code == 504
    assert "0.2 s" in response.json()["error"]["message"]
