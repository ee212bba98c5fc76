"""A vendor's words are found in whatever shape an error has."""

from typing import Any

import msgspec
import pytest

from streaming.wire.vendors import bodies

INPUT = {"role": "user", "content": "what the user wrote"}

# For each body, the code and message.
BODIES: dict[str, tuple[Any, str, str]] = {
    "object": ({"error": {"code": "c", "message": "m"}}, "c", "m"),
    "text": ({"error": "m m"}, "", "m m"),
    "text that is a code": ({"error": "insufficient_quota"}, "insufficient_quota", "insufficient_quota"),
    "text and message": ({"error": "Unauthorized", "message": "m m"}, "Unauthorized", "m m; Unauthorized"),
    "flat": ({"code": "c", "message": "m"}, "c", "m"),
    "flat, Zhipu": ({"code": 1113, "msg": "您的账户已欠费"}, "1113", "您的账户已欠费"),
    "flat, SiliconFlow": ({"code": 20012, "message": "m", "data": None}, "20012", "m"),
    "flat, in a mantle": ({"code": 500, "msg": "m", "success": False}, "500", "m"),
    "flat, Baidu": ({"error_code": 18, "error_msg": "m"}, "18", "m"),
    "only a message": ({"message": "m"}, "", "m"),
    "only a type": ({"error": {"type": "t", "message": None}}, "t", ""),
    "only a code": ({"error": {"code": 40012}}, "40012", ""),
    "number with a point": ({"error": {"code": 1113.0, "message": "m"}}, "1113", "m"),
    "status before the type": ({"error": {"code": 400, "type": "a_type", "message": "m"}}, "a_type", "m"),
    "detail": ({"detail": "m"}, "", "m"),
    "detail object": ({"detail": {"code": "c", "message": "m"}}, "c", "m"),
    "detail within": ({"detail": {"error": {"code": "c", "message": "m"}}}, "c", "m"),
    "FastAPI": (
        {"detail": [{"type": "missing", "loc": ["body", "messages", 0], "msg": "Field required", "input": INPUT}]},
        "",
        "messages.0: Field required",
    ),
    "FastAPI, two": (
        {"detail": [{"loc": ["body", "n"], "msg": "a"}, {"loc": ["query"], "msg": "b", "ctx": {"error": INPUT}}]},
        "",
        "n: a; query: b",
    ),
    "errors": ({"errors": [{"code": "c", "message": "m"}, {"message": "n"}]}, "c", "m; n"),
    "errors that are texts": ({"errors": ["one two", "three four"]}, "", "one two; three four"),
    "list": ([{"error": {"code": "c", "message": "m"}}], "c", "m"),
    "Google": (
        [{"error": {"code": 400, "message": "m", "status": "A_STATUS", "details": [{"reason": "A_REASON"}]}}],
        "A_STATUS",
        "m",
    ),
    "MiniMax": ({"id": "i", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "m"}}, "1008", "m"),
    "Tencent": ({"Response": {"Error": {"Code": "c", "Message": "m"}, "RequestId": "r"}}, "c", "m"),
    "Tencent, streamed": ({"ErrorMsg": {"Code": "c", "Msg": "m"}}, "c", "m"),
    "OpenRouter": (
        {"error": {"code": 429, "message": "m", "metadata": {"raw": '{"error":{"type":"t","message":"n"}}'}}},
        "t",
        "m; n",
    ),
    "OpenRouter, text": ({"error": {"code": 429, "message": "m", "metadata": {"raw": "a b"}}}, "429", "m; a b"),
    "OpenRouter, flagged": (
        {"error": {"code": 403, "message": "m", "metadata": {"reasons": ["x"], "flagged_input": "what they wrote"}}},
        "403",
        "m",
    ),
    "OpenRouter, choice": (
        {"choices": [{"text": "what the model wrote", "error": {"code": 502, "message": "m"}}]},
        "502",
        "m",
    ),
    "Azure": (
        {"error": {"code": "content_filter", "message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        "content_filter",
        "m",
    ),
    "vLLM": ({"object": "error", "message": "m", "type": "t", "param": None, "code": 400}, "t", "m"),
    "problem": ({"type": "about:blank", "title": "t", "status": 400, "detail": "m"}, "about:blank", "m"),
    "message that is JSON": ({"error": {"message": '{"error":{"code":"c","message":"m"}}'}}, "c", "m"),
    "bare text": ("Invalid token", "", "Invalid token"),
    "text that is not JSON": (b"upstream failed", "", "upstream failed"),
    "page": (
        b"<!DOCTYPE html><html><head><title>502</title><style>a{}</style></head><body><h1>Bad</h1><hr>nginx</body>",
        "",
        "502: Bad nginx",
    ),
    "half a page": (b"<h1>Bad &amp; Request</h1>", "", "Bad & Request"),
    "not UTF-8": (b"\xff", "", "\ufffd"),
    "nothing": (b"", "", ""),
    "empty list": ([], "", ""),
    "null": ({"error": None}, "", '{"error":null}'),
    "unknown": ({"temperature": ["too hot"]}, "", '{"temperature":["too hot"]}'),
    "nested too deep": (b'{"a":' + b"[" * 100_000, "", '{"a":' + "[" * 495),
    "long": ({"message": "x" * 1000}, "", "x" * 500),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code", "message"), BODIES.values(), ids=BODIES)
def test_words_are_found(body: Any, code: str, message: str) -> None:
    found = bodies.read(body if isinstance(body, bytes) else msgspec.json.encode(body))

    assert (found.code, found.message) == (code, message)


def test_all_codes_are_words_the_outermost_first() -> None:
    raw = '{"error":{"code":"inner","type":"t2"}}'
    body = {"error": {"code": 429, "type": "t1", "message": "m", "metadata": {"raw": raw}}}

    assert bodies.read(msgspec.json.encode(body)).words == ("429", "inner", "t1", "t2")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"error": {"message": "m", "param": "temperature"}}, "temperature"),
        ({"error": {"message": "m", "param": ""}}, None),
        ({"error": {"message": "m", "param": {"a": 1}}}, None),
        ({"detail": [{"loc": ["body", "messages", 0], "msg": "m"}]}, "messages.0"),
        ({"error": {"message": "m", "param": "x" * 1000}}, "x" * 100),
    ],
)
def test_param_is_found(body: Any, param: str | None) -> None:
    assert bodies.read(msgspec.json.encode(body)).param == param


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        (b'{"error":{"message":"m"}}', True),
        (b'{\n "error" : "m"\n}', True),
        (b'{"code":1113,"msg":"m"}', True),
        (b'{"code":"1113","message":"m"}', True),
        (b'{"success":false,"msg":"m"}', True),
        (b'{"detail":"m"}', True),
        (b'{"detail":[{"msg":"m"}]}', True),
        (b'{"errors":["m"]}', True),
        (b'[{"error":{"code":400}}]', True),
        (b'{"object":"error","message":"m"}', True),
        (b'{"choices":null,"base_resp":{"status_code":1008}}', True),
        (b'{"choices":[{}],"base_resp":{"status_code":1027}}', True),
        (b'{"Response":{"Error":{"Code":"c"}}}', True),
        (b'{"error":null,"choices":[]}', False),
        (b'{"error":{},"choices":[]}', False),
        (b'{"choices":[{}],"code":7,"msg":"m"}', False),
        (b'{"choices":[{}],"base_resp":{"status_code":0,"status_msg":""}}', False),
        (b'{"code":0,"msg":"success"}', False),
        (b'{"code":200,"message":"OK"}', False),
        (b'{"code":"success","message":"m"}', False),
        (b'{"message":"no \\"error\\" here"}', False),
        (b'{"type":"ping"}', False),
        (b'{"code":7}', False),
        (b'"text"', False),
        (b"[]", False),
        (b"[DONE]", False),
        (b"<html>error</html>", False),
        (b"", False),
        (b'{"error":' + b"[" * 100_000, False),
    ],
)
def test_error_is_told_from_the_rest(body: bytes, is_error: bool) -> None:
    assert bodies.is_error(body) is is_error
