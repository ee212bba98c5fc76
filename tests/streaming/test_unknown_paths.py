"""Where there is nothing, clients read JSON all the same."""

import openai
import pytest
import requests

from tests.servers import Server

CHAT_PATHS = [
    "/v1",
    "/v1/",
    "/v1/embeddings",
    "/v1/nothing",
    "/v1/models/doubao",
    "/api/chat",
    "/api/chat/7/",
]
OTHER_PATHS = ["/api", "/api/", "/api/nothing/", "/api/events", "/api/events/7/", "/api/chats/"]


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
