"""Unknown paths answer clients in JSON, too."""

import openai
import pytest
import requests

from tests.servers import Server

CHAT_PATHS = [
    "/v1/embeddings",
    "/v1/nothing",
    "/v1/completions",
    "/api/v1/nothing/completions",
    "/api/chat/7/",
]
OTHER_PATHS = ["/api", "/api/", "/api/nothing/", "/api/events/7/", "/api/chats/"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", CHAT_PATHS)
def test_unknown_path_of_a_chat_is_answered_as_openai_does(relay: Server, method: str, path: str) -> None:
    answer = requests.request(method, relay.url + path, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json() == {
        "error": {
            "message": f"There is nothing at {method} {path}.",
            "type": "invalid_request_error",
            "code": "unknown_path",
            "param": None,
        }
    }


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/api/v3", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions%20", "/v1/chat/completions"),
        ("/chat", "/v1/chat/completions"),
        ("/v1/chat", "/v1/chat/completions"),
        ("/v2/chat/completions", "/v1/chat/completions"),
        ("/api/chat", "/api/chat/"),
        ("/openai/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/models/team/qwen3", "/v1/models/team/qwen3"),
        ("/api/v1/models", "/v1/models"),
        ("/api/models/", "/v1/models"),
        ("/V1/chat/completions", "/v1/chat/completions"),
        ("/api/paas/v4/chat/completions", "/v1/chat/completions"),
    ],
)
def test_wrong_base_url_is_told_the_right_one(relay: Server, path: str, meant: str) -> None:
    answer = requests.post(relay.url + path, json={}, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_path")
    assert f"Did you mean {meant}?" in answer.json()["error"]["message"]


def test_path_without_its_slash_is_told_the_right_one(relay: Server) -> None:
    answer = requests.post(relay.url + "/api/events", json={}, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "There is nothing at POST /api/events. Did you mean /api/events/?"},
    )


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions/", "/chat/completions", "//v1/chat/completions", "/api/v3/chat/completions/"]
)
def test_common_mistakes_in_a_base_url_change_nothing(relay: Server, key: str, path: str) -> None:
    body = {"model": "doubao", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": f"Bearer {key}"}

    answer = requests.post(relay.url + path, json=body, headers=headers, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.json()["object"]) == (200, "chat.completion")


def test_host_that_is_not_allowed_reads_json_under_v1(relay: Server) -> None:
    answer = requests.get(relay.url + "/v1/nothing", headers={"Host": "elsewhere.example"}, timeout=10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_path")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", OTHER_PATHS)
def test_unknown_path_of_the_api_is_answered_as_its_neighbours_do(relay: Server, method: str, path: str) -> None:
    answer = requests.request(method, relay.url + path, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert answer.json() == {"detail": f"There is nothing at {method} {path}."}


def test_openai_client_hears_that_an_endpoint_is_missing(relay: Server) -> None:
    with (
        openai.OpenAI(base_url=relay.url + "/v1", api_key="any", max_retries=0) as client,
        pytest.raises(openai.NotFoundError) as missing,
    ):
        client.embeddings.create(model="doubao", input="hello")

    assert missing.value.code == "unknown_path"


def test_docs_are_found_without_the_last_slash(relay: Server) -> None:
    answer = requests.get(relay.url + "/api/docs", timeout=10)

    assert (answer.status_code, answer.url) == (200, relay.url + "/api/docs/")
