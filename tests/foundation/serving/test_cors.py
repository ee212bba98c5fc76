"""What browsers of pages on other origins are told, on every path, for every answer."""

from collections.abc import Callable

import pytest
import requests

from tests.servers import Server
from tests.stack import Stack

PAGE = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}
OPEN_PATHS = ["/v1/chat/completions", "/v1/models", "/api/v3/chat/completions", "/chat/completions", "/api/chat/",
              "/api/chat/0197f2c4-0000-7000-8000-000000000000/stop/", "/api/conversations/", "/api/events/",
              "/api/tokens/"]  # fmt: skip
CLOSED_PATHS = ["/admin/", "/api/stats/", "/api/attributions/u1/", "/metrics", "/playground/token/"]


@pytest.fixture
def web(shared_web: Callable[..., Server]) -> Server:
    return shared_web(CORS_ALLOWED_ORIGINS=f"{PAGE}, http://localhost:5173")


def cors_headers(answer: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control")}


def test_preflight_of_an_open_path_is_answered_before_anybody_is_asked_who_they_are(web: Server) -> None:
    answers = {
        path: requests.options(web.url + path, headers={"Origin": PAGE, **PREFLIGHT}, timeout=10) for path in OPEN_PATHS
    }

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(OPEN_PATHS, 204)
    for answer in answers.values():
        headers = cors_headers(answer)
        assert headers["access-control-allow-origin"] == PAGE
        assert headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-lang"
        assert headers["access-control-allow-methods"] == "GET, POST, DELETE"
        assert "access-control-allow-credentials" not in headers
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", CLOSED_PATHS)
def test_other_paths_are_not_open_to_pages(web: Server, path: str) -> None:
    preflight = requests.options(
        web.url + path, headers={"Origin": PAGE, **PREFLIGHT}, timeout=10, allow_redirects=False
    )
    answer = requests.get(web.url + path, headers={"Origin": PAGE}, timeout=10, allow_redirects=False)

    assert (cors_headers(preflight), cors_headers(answer)) == ({}, {})


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.com.evil.example", "null", "http://app.example.com"]
)
def test_page_that_is_not_named_is_refused_with_the_setting(web: Server, origin: str) -> None:
    answer = requests.options(web.url + "/v1/models", headers={"Origin": origin, **PREFLIGHT}, timeout=10)

    assert (answer.status_code, cors_headers(answer)) == (403, {})
    assert "CORS_ALLOWED_ORIGINS" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        (
            "POST",
            "/v1/chat/completions",
            {"model": "doubao", "messages": [{"role": "user", "content": "Hi"}], "stream": True},
            200,
        ),
        ("POST", "/v1/chat/completions", {"model": "nothing", "messages": [{"role": "user", "content": "Hi"}]}, 404),
        ("POST", "/api/chat/", {"messages": [{"role": "user", "content": "Hi"}]}, 200),
        ("GET", "/v1/models", None, 200),
        ("GET", "/v1/nothing", None, 404),
        ("POST", "/api/events/", {}, 400),
        ("GET", "/api/conversations/", None, 200),
    ],
)
def test_every_answer_lets_the_page_read_it(
    web: Server, stack: Stack, method: str, path: str, body: object, status: int
) -> None:
    key = {"Authorization": f"Bearer {stack.key}", "Origin": PAGE}

    answer = requests.request(method, web.url + path, headers=key, json=body, timeout=10)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"x-request-id", "retry-after", "x-ratelimit-remaining-requests"} <= set(
        answer.headers["Access-Control-Expose-Headers"].split(", ")
    )


def test_answer_without_a_key_lets_the_page_read_why(web: Server) -> None:
    answer = requests.get(web.url + "/v1/models", headers={"Origin": PAGE}, timeout=10)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


def test_any_page_may_call_where_that_is_wished(start_web: Callable[..., Server]) -> None:
    web = start_web(CORS_ALLOWED_ORIGINS="*")

    answer = requests.options(web.url + "/v1/models", headers={"Origin": "null", **PREFLIGHT}, timeout=10)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_callers_other_than_web_pages_get_no_cors_headers(web: Server, stack: Stack) -> None:
    answer = requests.get(web.url + "/v1/models", headers={"Authorization": f"Bearer {stack.key}"}, timeout=10)

    assert (answer.status_code, cors_headers(answer)) == (200, {})


def test_options_without_preflight_headers_says_the_methods(web: Server) -> None:
    answer = requests.options(web.url + "/v1/chat/completions", headers={"Origin": PAGE}, timeout=10)

    assert (answer.status_code, answer.headers["Allow"]) == (204, "POST, OPTIONS")
