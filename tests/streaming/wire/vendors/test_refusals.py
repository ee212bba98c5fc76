"""Vendors' errors: what they mean, and which parts must not be shown to clients."""

from typing import Any

import msgspec
import pytest

from streaming.wire.dialects import ark, openai
from streaming.wire.dialects.openai import OpenAIDialect
from streaming.wire.faults import Retry
from streaming.wire.redaction import redacted, without_secrets

ARK, OPENAI = ark.DIALECT, openai.DIALECT


def error_body(**fields: Any) -> bytes:
    return msgspec.json.encode({"error": fields})


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
    # The name of an error class must not turn a refusal of our key into the client's mistake.
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
    dialect: OpenAIDialect, status: int | None, error: dict[str, Any], our_status: int, retry: Retry
) -> None:
    if status is None:
        fault = dialect.error(error_body(**error))
    else:
        fault = dialect.refusal(error_body(**error), status=status)

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

    by_status = ARK.refusal(body, status=status)
    in_stream = ARK.error(body)

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
    fault = ARK.refusal(body, status=400)

    assert (fault.code, fault.message) == (code, message)


def test_param_of_the_vendor_reaches_the_client() -> None:
    body = error_body(code="InvalidParameter", message="m", param="temperature", type="BadRequest")

    fault = ARK.refusal(body, status=400)

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
    fault = ARK.refusal(b"", status=429, retry_after=header)

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

    fault = redacted(ARK.refusal(body, status=400), ["the known secret", "ark.internal:8443"])

    assert [text in each for each in (fault.code, fault.detail)] == [False, False]
    told = [fault.message, str(fault.param), fault.quote]
    assert [text in each for each in told] == [False] * 3
    assert ["[hidden]" in each for each in told] == [True] * 3


def test_sentence_in_the_place_of_a_code_is_none() -> None:
    body = error_body(code="You said: hello", message="You said: hello")

    fault = ARK.refusal(body, status=400)

    assert (fault.code, fault.detail, fault.quote) == ("upstream_error", "400 upstream_error", "You said: hello")


def test_text_without_secrets_stays() -> None:
    text = "Range of max_tokens is [1, 12288]; 请求的参数不合法 (request id: 0217426)"

    assert without_secrets(text, ["elsewhere"]) == text
