"""`GET /v1/models`."""

import openai
import pytest
import requests

from foundation.access.models import ApiKey
from streaming.models import ChatModel
from tests.servers import Server
from tests.streaming.conftest import AddModel, Serve


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


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/chat/completions")])
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
        "message": "The API key or user token is not valid.",
        "type": "authentication_error",
        "code": "invalid_api_key",
        "param": None,
    }
