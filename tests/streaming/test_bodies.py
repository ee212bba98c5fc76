"""Bodies that are not plain JSON in UTF-8, on both chat endpoints."""

import json
from typing import Any

import pytest
import requests

from tests.packing import packed
from tests.servers import Server

BODY = {"model": "doubao", "messages": [{"role": "user", "content": "repeat: 河口 😀"}]}
TEXT = json.dumps(BODY, ensure_ascii=False)


def post(relay: Server, key: str, body: bytes, path: str = "/v1/chat/completions", **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.post(relay.url + path, data=body, headers=given, timeout=10)


def error(answer: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    return found


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (packed(TEXT.encode()), {"Content_Encoding": "gzip"}),
        (packed(TEXT.encode()), {}),
        (b"\xef\xbb\xbf" + TEXT.encode(), {"Content_Type": "application/json"}),
        (TEXT.encode("utf-16"), {"Content_Type": "application/json"}),
        (TEXT.encode("gb18030"), {"Content_Type": "application/json; charset=GB18030"}),
        (json.dumps(BODY).encode(), {"Content_Type": "text/plain"}),  # its emoji is escaped, as a pair
    ],
)
def test_body_is_read(relay: Server, key: str, body: bytes, headers: dict[str, str]) -> None:
    answer = post(relay, key, body, **headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "河口 😀"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_coding_that_cannot_be_read_is_named(relay: Server, key: str, path: str) -> None:
    answer = post(relay, key, b"\x8b\x02\x80", path, Content_Encoding="br")

    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip, deflate, identity")
    assert error(answer) == {
        "message": "The body's Content-Encoding 'br' cannot be read here. Use one of: gzip, deflate, identity.",
        "type": "invalid_request_error",
        "code": "unsupported_media_type",
        "param": "Content-Encoding",
    }


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_bomb_is_too_large(relay: Server, key: str, path: str) -> None:
    answer = post(relay, key, packed(b" " * 20_000_000), path, Content_Encoding="gzip")

    assert (answer.status_code, error(answer)["code"]) == (413, "body_too_large")


def test_compressed_body_of_a_stranger_is_not_unpacked(relay: Server) -> None:
    answer = post(relay, "rm_wrong", b"no gzip", Content_Encoding="gzip")

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_half_an_emoji_is_named_with_its_place(relay: Server, key: str, path: str) -> None:
    body = json.dumps({**BODY, "messages": [*BODY["messages"], {"role": "user", "content": "cut \ud83d"}]})

    answer = post(relay, key, body.encode(), path)

    assert (answer.status_code, error(answer)["param"]) == (400, "messages[1].content")
    assert "surrogate" in error(answer)["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": -1},
        {"max_tokens": 4096.0},
        {"messages": [{"role": "user", "content": {"type": "text", "text": "repeat: 河口 😀"}}]},
        {"user": 42},
    ],
)
def test_odd_values_are_passed_on(relay: Server, key: str, fields: dict[str, Any]) -> None:
    answer = post(relay, key, json.dumps({**BODY, **fields}).encode())

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "河口 😀"


def test_provider_says_what_it_does_not_take(relay: Server, key: str) -> None:
    answer = post(relay, key, json.dumps({**BODY, "max_tokens": 0}).encode())

    assert (answer.status_code, error(answer)["param"]) == (400, "max_tokens")
    assert "at least 1" in error(answer)["message"]
