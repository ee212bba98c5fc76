"""Endpoints of REST framework read what clients send, or say what is wrong with it."""

import json
from typing import Any

import pytest
import requests

from tests.packing import packed
from tests.stack import Stack

EVENT = {"event": "active", "user_id": "u1", "os": "android", "android_id": "a1b2c3d4e5f60718"}
TOKEN = {"user_id": "u1"}
# By path, a body and the status that says it was read. The first is driven, the others come through middleware.
READ = {"/api/events/": (EVENT, 202), "/api/tokens/": (TOKEN, 201), "/api/conversations/": ({"title": "河口"}, 201)}


def post(stack: Stack, path: str, body: bytes, **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {stack.key}", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(stack.url + path, data=body, headers=given, timeout=10)


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize(
    ("pack", "headers"),
    [
        (lambda text: b"\xef\xbb\xbf" + text.encode(), {}),
        (lambda text: packed(text.encode()), {"Content_Encoding": "gzip"}),
        (lambda text: text.encode("utf-16"), {}),
        (lambda text: text.encode("gbk"), {"Content_Type": "application/json; charset=gbk"}),
        (str.encode, {"Content_Type": "application/json; charset=iso-8859-1"}),
        (str.encode, {"Content_Type": "text/plain;charset=UTF-8"}),  # as navigator.sendBeacon does
        (str.encode, {"Content_Type": "application/x-www-form-urlencoded"}),  # as curl does
        (str.encode, {"Content_Type": ""}),
        (str.encode, {"Accept": "text/event-stream"}),
        (str.encode, {"Accept": ";"}),
    ],
)
def test_body_is_read(stack: Stack, path: str, pack: Any, headers: dict[str, str]) -> None:
    body, status = READ[path]

    answer = post(stack, path, pack(json.dumps(body, ensure_ascii=False)), **headers)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json"), answer.text


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"x", {"Content_Encoding": "br"}, 415, "Content-Encoding 'br'"),
        (packed(b" " * 20_000_000), {"Content_Encoding": "gzip"}, 413, "larger than"),
        (b" " * 17_000_000, {}, 413, "16777216 bytes"),
        (b'{"user_id":"\xff"}', {}, 400, "not UTF-8"),
        (b'{"user_id":NaN}', {}, 400, "NaN"),
        (b'{"user_id":' + b"9" * 5000 + b"}", {}, 400, "JSON parse error"),
        (b'{"user_id":' + b"[" * 100_000, {}, 400, "nested too deeply"),
        (b"event=active&user_id=u1", {"Content_Type": "application/x-www-form-urlencoded"}, 400, "JSON parse error"),
    ],
)
def test_body_is_refused_saying_why(
    stack: Stack, path: str, body: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    answer = post(stack, path, body, **headers)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json"), answer.text
    assert said in answer.json()["detail"]


def test_event_with_half_an_emoji_does_not_block_its_neighbours(stack: Stack) -> None:
    events = [EVENT, {**EVENT, "user_id": "u\ud83d"}, {**EVENT, "user_id": "u2", "x\ud83d": 1, "y": {"z": "\ud83d"}}]

    answer = post(stack, "/api/events/", json.dumps(events).encode())

    assert answer.status_code == 202
    assert ["id" in item for item in answer.json()] == [True, False, True]
    assert list(answer.json()[1]["errors"]) == ["user_id"]


@pytest.mark.parametrize("path", ["/api/tokens/", "/api/conversations/"])
def test_half_an_emoji_in_a_field_is_named(stack: Stack, path: str) -> None:
    field = "user_id" if path == "/api/tokens/" else "title"

    answer = post(stack, path, json.dumps({field: "a\ud83d"}).encode())

    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("properties", [{"title": "cut \ud83d"}, {"cut \ud83d": [1]}, {"a": {"b": ["\0"]}}, {"\0": 1}])
def test_what_cannot_be_stored_is_mended_in_properties(stack: Stack, properties: dict[str, Any]) -> None:
    event = {**EVENT, "event": "in_app_uv", "properties": properties}

    answer = post(stack, "/api/events/", json.dumps(event).encode())

    assert (answer.status_code, answer.json()["duplicate"]) == (202, False), answer.text


@pytest.mark.parametrize("text", ["\ud83d", "\0"])
def test_answer_may_quote_what_is_no_text(stack: Stack, text: str) -> None:
    costs = [{"platform": f"p{text}", "day": "2026-11-29", "advertiser_id": "1", "cost": "1"}]

    answer = post(stack, "/api/costs/", json.dumps(costs).encode())

    assert (answer.status_code, "platform" in answer.json()[0]["error"]) == (202, True)
