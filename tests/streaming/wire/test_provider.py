"""Vendors' words: what is sent to them, and what their errors mean."""

from typing import Any

import msgspec
import pytest

from streaming.wire import provider
from streaming.wire.faults import Retry
from streaming.wire.provider import DIALECTS

ARK, OPENAI = DIALECTS["ark"], DIALECTS["openai"]


def error_body(**fields: Any) -> bytes:
    return msgspec.json.encode({"error": fields})


@pytest.mark.parametrize(
    "base_url", ["https://ark.cn-beijing.volces.com/api/v3", "https://ark.cn-beijing.volces.com/api/v3/"]
)
def test_chat_url_follows_the_version(base_url: str) -> None:
    assert provider.chat_url(base_url) == "https://ark.cn-beijing.volces.com/api/v3/chat/completions"


def test_request_body_of_a_stream_asks_for_usage() -> None:
    fields = msgspec.json.decode(
        b'{"model":"public","stream":true,"stream_options":{"include_usage":false,"own":1},"seed":9007199254740993}',
        type=dict[str, msgspec.Raw],
    )

    bodies = {
        name: provider.request_body(dialect, fields, model="upstream", is_stream=True)
        for name, dialect in DIALECTS.items()
    }

    assert bodies == {
        "ark": b'{"model":"upstream","stream":true,'
        b'"stream_options":{"include_usage":true,"own":1,"chunk_include_usage":true},"seed":9007199254740993}',
        "openai": b'{"model":"upstream","stream":true,'
        b'"stream_options":{"include_usage":true,"own":1},"seed":9007199254740993}',
    }


def test_request_body_of_a_whole_answer_asks_for_no_stream_options() -> None:
    fields = msgspec.json.decode(b'{"model":"public","messages":[1.10,{"a":"\\u0041"}]}', type=dict[str, msgspec.Raw])

    body = provider.request_body(ARK, fields, model="upstream", is_stream=False)

    assert body == b'{"model":"upstream","messages":[1.10,{"a":"\\u0041"}],"stream":false}'


def test_request_headers_carry_the_key_and_our_id() -> None:
    headers = provider.request_headers(api_key="secret", completion_id="id-1")

    assert dict(headers) == {
        b"authorization": b"Bearer secret",
        b"content-type": b"application/json",
        b"accept": b"text/event-stream, application/json",
        b"user-agent": b"rivermouth",
        b"x-client-request-id": b"id-1",
    }


OUR_KEY = (502, Retry.NEXT_ROUTE)
# (dialect, status of the answer or None for an error in a 200, error object, status for the client, what to try then)
ERRORS = {
    "ark: our key": (ARK, 401, {"code": "AuthenticationError"}, 502, Retry.NEXT_ROUTE),
    "ark: overdue": (ARK, 403, {"code": "AccountOverdueError"}, 502, Retry.NEXT_ROUTE),
    "ark: unknown endpoint": (ARK, 404, {"code": "InvalidEndpointOrModel.NotFound"}, 404, Retry.NEXT_ROUTE),
    "ark: wrong parameter": (ARK, 400, {"code": "InvalidParameter"}, 400, Retry.NEVER),
    "ark: sensitive": (ARK, 400, {"code": "InputTextSensitiveContentDetected"}, 400, Retry.NEVER),
    "ark: rate": (ARK, 429, {"code": "RateLimitExceeded.EndpointRPMExceeded"}, 429, Retry.SAME_ROUTE),
    "ark: quota": (ARK, 429, {"code": "QuotaExceeded"}, 429, Retry.NEXT_ROUTE),
    "ark: overloaded": (ARK, 429, {"code": "ServerOverloaded"}, 503, Retry.SAME_ROUTE),
    "ark: internal": (ARK, 500, {"code": "InternalServiceError"}, 503, Retry.SAME_ROUTE),
    "ark: in a 200": (ARK, None, {"code": "RateLimitExceeded.EndpointTPMExceeded"}, 429, Retry.SAME_ROUTE),
    "ark: word that nobody knows": (ARK, 400, {"code": "Novel"}, 400, Retry.NEVER),
    "openai: our key": (OPENAI, 401, {"code": "invalid_api_key", "type": "invalid_request_error"}, *OUR_KEY),
    "openai: too long": (OPENAI, 400, {"code": "context_length_exceeded"}, 400, Retry.NEVER),
    "openai: no credit": (OPENAI, 429, {"code": "insufficient_quota"}, 429, Retry.NEXT_ROUTE),
    "openai: rate": (OPENAI, 429, {"code": "rate_limit_exceeded"}, 429, Retry.SAME_ROUTE),
    # The word for a class must not turn our key's refusal into the client's mistake.
    "deepseek: our key": (OPENAI, 401, {"code": "invalid_request_error", "type": "authentication_error"}, *OUR_KEY),
    "deepseek: no balance": (OPENAI, 402, {"code": "invalid_request_error"}, 429, Retry.NEXT_ROUTE),
    "class without a status": (OPENAI, None, {"type": "invalid_request_error"}, 400, Retry.NEVER),
    "class of ark's without a status": (ARK, None, {"type": "server_error"}, 503, Retry.SAME_ROUTE),
    "openrouter: the status as code": (OPENAI, None, {"code": 429}, 429, Retry.SAME_ROUTE),
    "openrouter: 401 as code": (OPENAI, None, {"code": 401}, 502, Retry.NEXT_ROUTE),
    "code that is no status": (OPENAI, None, {"code": 20015}, 503, Retry.SAME_ROUTE),
    "nothing but a message": (OPENAI, None, {"message": "sorry"}, 503, Retry.SAME_ROUTE),
    "redirect": (OPENAI, 302, {}, 503, Retry.SAME_ROUTE),
    "timeout": (OPENAI, 408, {}, 504, Retry.SAME_ROUTE),
    "gateway timeout": (OPENAI, 504, {}, 504, Retry.SAME_ROUTE),
    "too large": (OPENAI, 413, {}, 413, Retry.NEVER),
    "unprocessable": (OPENAI, 422, {}, 422, Retry.NEVER),
    "bad gateway": (OPENAI, 502, {}, 503, Retry.SAME_ROUTE),
    "teapot": (OPENAI, 418, {}, 418, Retry.NEVER),
}


@pytest.mark.parametrize(("dialect", "status", "error", "our_status", "retry"), ERRORS.values(), ids=ERRORS)
def test_error_means(
    dialect: provider.Dialect, status: int | None, error: dict[str, Any], our_status: int, retry: Retry
) -> None:
    if status is None:
        fault = provider.fault_of_payload(dialect, error_body(**error), secrets=[])
    else:
        fault = provider.fault_of_response(dialect, status=status, body=error_body(**error), secrets=[])

    assert (fault.status, fault.retry) == (our_status, retry)


BAD_REQUEST, NO_MODEL, TOO_MANY, OVERLOADED = (
    (400, Retry.NEVER),
    (404, Retry.NEXT_ROUTE),
    (429, Retry.SAME_ROUTE),
    (503, Retry.SAME_ROUTE),
)
# Codes of https://www.volcengine.com/docs/82379/1299023 (read 2026-11-25) that a chat may get, with their status there:
# what it means for the client, and what to try then.
ARK_CODES = {
    "MissingParameter": (400, BAD_REQUEST),
    "MissingParameter.messages": (400, BAD_REQUEST),
    "InvalidParameter": (400, BAD_REQUEST),
    "InvalidParameter.UnsupportedParameter": (400, BAD_REQUEST),
    "InvalidArgumentError.UnknownRole": (400, BAD_REQUEST),
    "InvalidImageURL.EmptyURL": (400, BAD_REQUEST),
    "InvalidEndpoint.ClosedEndpoint": (400, NO_MODEL),
    "SensitiveContentDetected": (400, BAD_REQUEST),
    "SensitiveContentDetected.SevereViolation": (400, BAD_REQUEST),
    "InputTextSensitiveContentDetected": (400, BAD_REQUEST),
    "InputImageSensitiveContentDetected.PrivacyInformation": (400, BAD_REQUEST),
    "InputVideoSensitiveContentDetected": (400, BAD_REQUEST),
    "OutputTextSensitiveContentDetected": (400, BAD_REQUEST),
    "OutputImageSensitiveContentDetected": (400, BAD_REQUEST),
    "InputTextRiskDetection": (400, BAD_REQUEST),
    "InputImageRiskDetection": (400, BAD_REQUEST),
    "OutputTextRiskDetection": (400, BAD_REQUEST),
    "OutputImageRiskDetection": (400, BAD_REQUEST),
    "ContentSecurityDetectionError": (400, OVERLOADED),
    "AuthenticationError": (401, OUR_KEY),
    "InvalidAccountStatus": (401, OUR_KEY),
    "InvalidSubscription": (403, OUR_KEY),
    "AccountOverdueError": (403, OUR_KEY),
    "AccessDenied": (403, OUR_KEY),
    "OperationDenied.ServiceNotOpen": (403, OUR_KEY),
    "OperationDenied.ServiceOverdue": (403, OUR_KEY),
    "InvalidEndpoint.NotFound": (404, NO_MODEL),
    "InvalidEndpointOrModel.NotFound": (404, NO_MODEL),
    "InvalidEndpointOrModel.ModelIDAccessDisabled": (404, NO_MODEL),
    "ModelNotOpen": (404, NO_MODEL),
    "UnsupportedModel": (404, NO_MODEL),
    "RateLimitExceeded.EndpointRPMExceeded": (429, TOO_MANY),
    "RateLimitExceeded.EndpointTPMExceeded": (429, TOO_MANY),
    "ModelAccountRpmRateLimitExceeded": (429, TOO_MANY),
    "ModelAccountTpmRateLimitExceeded": (429, TOO_MANY),
    "ModelAccountIpmRateLimitExceeded": (429, TOO_MANY),
    "APIAccountRpmRateLimitExceeded": (429, TOO_MANY),
    "AccountRateLimitExceeded": (429, TOO_MANY),
    "InflightBatchsizeExceeded": (429, TOO_MANY),
    "RequestBurstTooFast": (429, TOO_MANY),
    "QuotaExceeded": (429, (429, Retry.NEXT_ROUTE)),
    "SetLimitExceeded": (429, (429, Retry.NEXT_ROUTE)),
    "ServerOverloaded": (429, OVERLOADED),
    "ModelLoadingError": (429, OVERLOADED),
    "InternalServiceError": (500, OVERLOADED),
}


@pytest.mark.parametrize("code", ARK_CODES)
def test_code_of_ark_means_the_same_by_status_and_in_a_stream(code: str) -> None:
    status, meaning = ARK_CODES[code]
    body = error_body(code=code, message="m", type="any")

    by_status = provider.fault_of_response(ARK, status=status, body=body, secrets=[])
    in_stream = provider.fault_of_payload(ARK, body, secrets=[])

    assert [(fault.status, fault.retry) for fault in (by_status, in_stream)] == [meaning, meaning]


def test_every_code_of_ark_is_tested() -> None:
    assert {code.partition(".")[0] for code in ARK_CODES} == set(ARK.codes)


# (body of an answer with status 400, code and message for the client)
BODIES = {
    "error object": (error_body(code="InvalidParameter", message="too hot"), "InvalidParameter", "too hot"),
    "error that is a text": (b'{"error":"too hot"}', "upstream_error", "too hot"),
    "no error object": (b'{"code":"hot","message":"too hot"}', "hot", "too hot"),
    "only a type": (error_body(type="hot_error"), "hot_error", "The provider refused the request."),
    "number as code": (error_body(code=40012, message="too hot"), "40012", "too hot"),
    "HTML": (b"<h1>Bad Request</h1>", "upstream_error", "<h1>Bad Request</h1>"),
    "not UTF-8": (b"\xff", "upstream_error", "\ufffd"),
    "nothing": (b"", "upstream_error", "The provider refused the request."),
    "a list": (b"[]", "upstream_error", "[]"),
    "nested too deep": (b'{"a":' + b"[" * 100_000, "upstream_error", '{"a":' + "[" * 495),
    "null": (b'{"error":null}', "upstream_error", "The provider refused the request."),
}


@pytest.mark.parametrize(("body", "code", "message"), BODIES.values(), ids=BODIES)
def test_error_body_is_understood(body: bytes, code: str, message: str) -> None:
    fault = provider.fault_of_response(ARK, status=400, body=body, secrets=[])

    assert (fault.code, fault.message) == (code, message)


def test_param_of_the_vendor_reaches_the_client() -> None:
    body = error_body(code="InvalidParameter", message="m", param="temperature", type="BadRequest")

    fault = provider.fault_of_response(ARK, status=400, body=body, secrets=[])

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
    fault = provider.fault_of_response(ARK, status=429, body=b"", retry_after=header, secrets=[])

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

    fault = provider.fault_of_response(ARK, status=400, body=body, secrets=["the known secret", "ark.internal:8443"])

    assert [text in each for each in (fault.code, fault.detail)] == [False, False]
    told = [fault.message, str(fault.param), fault.quote]
    assert [text in each for each in told] == [False] * 3
    assert ["[hidden]" in each for each in told] == [True] * 3


def test_sentence_in_the_place_of_a_code_is_none() -> None:
    body = error_body(code="You said: hello", message="You said: hello")

    fault = provider.fault_of_response(ARK, status=400, body=body, secrets=[])

    assert (fault.code, fault.detail, fault.quote) == ("upstream_error", "400 upstream_error", "You said: hello")


def test_text_without_secrets_stays() -> None:
    text = "Range of max_tokens is [1, 12288]; 请求的参数不合法 (request id: 0217426)"

    assert provider.without_secrets(text, ["elsewhere"]) == text


# (chunk, its tokens: prompt, completion, cached, reasoning)
USAGES = {
    "ark": (
        b'{"usage":{"completion_tokens":9,"prompt_tokens":5,"total_tokens":14,'
        b'"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":4}}}',
        (5, 9, 3, 4),
    ),
    "without details": (b'{"usage":{"completion_tokens":9,"prompt_tokens":5}}', (5, 9, 0, 0)),
    "null details": (
        b'{"usage":{"completion_tokens":9,"prompt_tokens":5,"prompt_tokens_details":null,'
        b'"completion_tokens_details":{"reasoning_tokens":null}}}',
        (5, 9, 0, 0),
    ),
}


@pytest.mark.parametrize(("chunk", "tokens"), USAGES.values(), ids=USAGES)
def test_usage_of_a_chunk(chunk: bytes, tokens: tuple[int, int, int, int]) -> None:
    usage = provider.chunk_decoder.decode(chunk).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens) == tokens


# A chunk with parts of another shape than they should have → (content, prompt tokens, error)
ODD_CHUNKS = {
    "counts that are null": (
        b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":null}}',
        "a",
        None,
        False,
    ),
    "counts that are texts": (b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":"5"}}', "a", 5, False),
    "usage that is a text": (b'{"choices":[{"delta":{"content":"a"}}],"usage":"x"}', "a", None, False),
    "index that is a text": (b'{"choices":[{"index":"0","delta":{"content":"a"}}]}', "a", None, False),
    "content that is a list": (b'{"choices":[{"delta":{"content":[]}}],"usage":{"prompt_tokens":5}}', None, 5, False),
    "error beside an odd part": (b'{"error":{"code":"x"},"choices":7}', None, None, True),
}


@pytest.mark.parametrize(("payload", "content", "prompt_tokens", "is_error"), ODD_CHUNKS.values(), ids=ODD_CHUNKS)
def test_odd_part_of_a_chunk_hides_no_other(
    payload: bytes, content: str | None, prompt_tokens: int | None, is_error: bool
) -> None:
    chunk = provider.readable_parts(payload)

    assert chunk is not None
    delta = chunk.choices[0].delta if chunk.choices else None
    assert (
        delta and delta.content,
        chunk.usage and chunk.usage.prompt_tokens,
        not provider.is_null(chunk.error),
    ) == (content, prompt_tokens, is_error)


@pytest.mark.parametrize("payload", [b"[DONE]", b"[]", b'{"a"', b"null", b'{"a":1}\n{"b":2}', b"\xff"])
def test_what_is_no_object_has_no_parts(payload: bytes) -> None:
    assert provider.readable_parts(payload) is None


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        (b'{"error":{"message":"m"}}', True),
        (b'{\n "error" : "m"\n}', True),
        (b'data: {"error":{"message":"m"}}', True),
        (b'{"error":null,"choices":[]}', False),
        (b'{"message":"no \\"error\\" here"}', False),
        (b"data: [DONE]", False),
        (b"<html>error</html>", False),
        (b"", False),
        (b'{"error":' + b"[" * 100_000, False),
    ],
)
def test_error_object_is_told_from_the_rest(body: bytes, is_error: bool) -> None:
    assert provider.holds_error(body) is is_error


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (b'{"reasoning_content":"hm","content":""}', "hm"),
        (b'{"reasoning":"hm"}', "hm"),
        (b'{"reasoning_content":null,"reasoning":"hm"}', "hm"),
        (b'{"content":"answer"}', ""),
    ],
)
def test_reasoning_of_a_delta(delta: bytes, text: str) -> None:
    assert msgspec.json.decode(delta, type=provider.Delta).reasoning_text == text
