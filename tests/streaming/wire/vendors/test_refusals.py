"""Vendors' errors: what clients read of them, what operators read, and what nobody may."""

from typing import Any

import msgspec
import pytest

from streaming.wire.dialects import openai
from streaming.wire.redaction import redacted, without_secrets

OPENAI = openai.DIALECT


def error_body(**fields: Any) -> bytes:
    return msgspec.json.encode({"error": fields})


# (body of an answer with status 400, code and message for the client)
BODIES = {
    "error object": (error_body(code="InvalidParameter", message="too hot"), "InvalidParameter", "too hot"),
    "error that is a text": (b'{"error":"too hot"}', "upstream_error", "too hot"),
    "no error object": (b'{"code":"hot","message":"too hot"}', "hot", "too hot"),
    "only a type": (error_body(type="hot_error"), "hot_error", "The provider refused the request."),
    "number as code": (error_body(code=40012, message="too hot"), "40012", "too hot"),
    "HTML": (b"<h1>Bad Request</h1>", "upstream_error", "The provider refused the request."),
    "not UTF-8": (b"\xff", "upstream_error", "\ufffd"),
    "nothing": (b"", "upstream_error", "The provider refused the request."),
    "a list": (b"[]", "upstream_error", "The provider refused the request."),
    "nested too deep": (b'{"a":' + b"[" * 100_000, "upstream_error", '{"a":' + "[" * 495),
    "null": (b'{"error":null}', "upstream_error", "The provider refused the request."),
}


@pytest.mark.parametrize(("body", "code", "message"), BODIES.values(), ids=BODIES)
def test_error_body_is_understood(body: bytes, code: str, message: str) -> None:
    fault = OPENAI.refusal(body, status=400)

    assert (fault.code, fault.message) == (code, message)


def test_param_of_the_vendor_reaches_the_client() -> None:
    body = error_body(code="InvalidParameter", message="m", param="temperature", type="BadRequest")

    fault = OPENAI.refusal(body, status=400)

    assert fault.as_openai() == {
        "error": {
            "message": "m",
            "type": "invalid_request_error",
            "code": "InvalidParameter",
            "param": "temperature",
        }
    }


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        (b"", None),
        (b"3", 3.0),
        (b"0.5", 0.5),
        (b"-1", 0.0),
        (b"nan", None),
        (b"inf", None),
        (b"1e400", None),
        (b"Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read(header: bytes | None, seconds: float | None) -> None:
    fault = OPENAI.refusal(b"", status=429, retry_after=header)

    assert fault.retry_after_s == seconds


SECRET_TEXTS = {
    "known key": "key the known secret.",
    "known host": "asked ark.internal:8443 for it",
    "URL": "see https://ark.cn-beijing.volces.com/api/v3 now",
    "OpenAI key": "Incorrect API key provided: sk-proj-abc_DEF-12345.",
    "Ark key": "key 0d9e2c1b-7a64-4c0e-9d3f-0123456789ab is overdue",
    "bearer": "header was Bearer abc.def",
}


@pytest.mark.parametrize("text", SECRET_TEXTS.values(), ids=SECRET_TEXTS)
def test_secrets_in_an_error_are_hidden_everywhere(text: str) -> None:
    body = error_body(code=text, message=text, param=text)

    fault = redacted(OPENAI.refusal(body, status=400), ["the known secret", "ark.internal:8443"])

    everything = [fault.code, fault.message, str(fault.param), fault.detail, fault.quote]
    assert [text in each for each in everything] == [False] * 5
    assert "[hidden]" in fault.detail + fault.quote


def test_sentence_in_the_place_of_a_code_is_none() -> None:
    body = error_body(code="You said: hello", message="You said: hello")

    fault = OPENAI.refusal(body, status=400)

    assert (fault.code, fault.detail, fault.quote) == ("upstream_error", "400 upstream_error", "You said: hello")


def test_text_without_secrets_stays() -> None:
    text = "Range of max_tokens is [1, 12288]; 请求的参数不合法 (request id: 0217426)"

    assert without_secrets(text, ["elsewhere"]) == text
