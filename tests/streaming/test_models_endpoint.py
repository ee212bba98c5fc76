"""`GET /v1/models` and `GET /v1/models/{id}`."""

from typing import Any
from urllib.parse import quote

import openai
import pytest
import requests

from foundation.access.models import ApiKey
from streaming.models import ChatModel
from tests.servers import Server
from tests.streaming.conftest import AddModel, Serve


def get(relay: Server, key: str, path: str, **headers: Any) -> requests.Response:
    return requests.get(relay.url + path, headers={"Authorization": f"Bearer {key}", **headers}, timeout=10)


def test_models_are_listed_as_the_sdk_reads_them(relay: Server, add_model: AddModel, key: str) -> None:
    add_model("mine", "https://provider.internal/v1")
    created_at = int(ChatModel.objects.get().created_at.timestamp())

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        models = [model.to_dict() for model in client.models.list()]

    assert models == [
        {"id": "doubao", "object": "model", "created": 0, "owned_by": "ark"},
        {"id": "mine", "object": "model", "created": created_at, "owned_by": "mine-0"},
    ]


def test_only_models_that_the_key_may_use_are_listed(relay: Server, add_model: AddModel, key: str) -> None:
    add_model("mine", "https://provider.internal/v1")
    ApiKey.objects.update(allowed_models=["mine"])

    response = requests.get(relay.url + "/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=10)

    assert [model["id"] for model in response.json()["data"]] == ["mine"]
    assert "provider.internal" not in response.text


@pytest.mark.parametrize(
    "name", ["plain", "deepseek-ai/DeepSeek-V3.1", "qwen3:8b", "豆包 pro", "a/b/c", "models", "x%2Fy"]
)
@pytest.mark.parametrize("base", ["/v1", "", "/api/v3", "//v1"])
def test_model_is_found_by_its_name(relay: Server, add_model: AddModel, key: str, base: str, name: str) -> None:
    add_model(name, "https://provider.internal/v1")

    answers = [get(relay, key, f"{base}/models/{quote(name, safe=safe)}") for safe in ("/", "")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["id"] for answer in answers] == [name, name]


def test_model_is_retrieved_as_the_sdk_reads_it(relay: Server, key: str) -> None:
    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        model = client.models.retrieve("doubao")

    assert model.to_dict() == {"id": "doubao", "object": "model", "created": 0, "owned_by": "ark"}


def test_model_that_the_key_may_not_use_is_unknown(relay: Server, add_model: AddModel, key: str) -> None:
    add_model("mine", "https://provider.internal/v1")
    ApiKey.objects.update(allowed_models=["doubao"])

    answers = [get(relay, key, f"/v1/models/{name}") for name in ("mine", "nobody's")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.json()["error"] for answer in answers] == [
        {
            "message": f"The model {name!r} does not exist.",
            "type": "invalid_request_error",
            "code": "model_not_found",
            "param": "model",
        }
        for name in ("mine", "nobody's")
    ]


ACCEPTS = [
    "text/event-stream",
    "*/*",
    "text/html",
    "",
    "a",
    ";;q=",
    "application/json;q=0",
    "x" * 9000,
    "é/\xff",
    ",,,",
]


@pytest.mark.parametrize("accept", ACCEPTS, ids=range(len(ACCEPTS)))
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/doubao", "/api/conversations/"])
def test_any_accept_header_gets_json(relay: Server, key: str, path: str, accept: str) -> None:
    answer = get(relay, key, path, Accept=accept.encode("latin-1"))

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/doubao", "/v1/chat/completions"])
def test_other_methods_are_answered_as_openai_does(relay: Server, key: str, path: str) -> None:
    allowed = "POST" if path.endswith("completions") else "GET, HEAD"
    headers = {"Authorization": f"Bearer {key}"}

    ask, head, wrong = [
        requests.request(method, relay.url + path, headers=headers, timeout=10)
        for method in ("OPTIONS", "HEAD", "DELETE")
    ]

    assert (ask.status_code, ask.headers["Allow"], ask.content) == (204, f"{allowed}, OPTIONS", b"")
    assert (head.status_code, head.content) == (405 if allowed == "POST" else 200, b"")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] in allowed


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("GET", "/v1/models/doubao"), ("POST", "/v1/chat/completions")]
)
def test_without_the_database_clients_are_told_to_try_again(serve: Serve, method: str, path: str) -> None:
    nobody = "postgres://user:password@127.0.0.1:1/none"
    with serve(DATABASE_URL=nobody, DATABASE_POOL_TIMEOUT_S="0.5", may_log_tracebacks=True) as server:
        answer = requests.request(method, server.url + path, headers={"Authorization": "Bearer rm_any"}, timeout=10)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["code"] == "unavailable"
    assert "127.0.0.1" not in answer.text


def test_models_need_a_key(relay: Server, key: str) -> None:
    missing, wrong, right = [
        requests.get(relay.url + "/v1/models", headers=headers, timeout=10)
        for headers in ({}, {"Authorization": "Bearer rm_wrong"}, {"Authorization": f"Bearer {key}"})
    ]

    assert [missing.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert missing.json()["error"]["code"] == "missing_api_key"
    assert wrong.json()["error"] == {
        "message": "The API key is not valid.",
        "type": "authentication_error",
        "code": "invalid_api_key",
        "param": None,
    }
