"""Vendors' codes: the class of an error beats its status, whatever shape the body has."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from streaming.wire.dialects import openai
from streaming.wire.faults import Fault, Retry
from streaming.wire.vendors import general
from streaming.wire.vendors.refusals import Reported
from streaming.wire.vendors.vendor import Vendor, plainly

DIALECT = openai.DIALECT
VENDORS: dict[str, Vendor] = {"general": general.VENDOR} | {
    slug: cast(Vendor, import_string(path)) for slug, path in settings.CHAT_VENDORS.items()
}


def fault_of(vendor: str, status: int | None, body: Any) -> Fault:
    """What an answer with this status is; None: in a 200."""
    payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
    reported = DIALECT.error(payload) if status is None else DIALECT.refusal(payload, status=status)
    assert isinstance(reported, Reported)
    return reported.by(VENDORS[vendor])


def error(code: Any = None, message: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


Verdict = tuple[int, str, Retry]
REFUSED: Verdict = (502, "upstream_refused", Retry.NEXT_ROUTE)
NO_MODEL: Verdict = (404, "model_not_found", Retry.NEXT_ROUTE)
RATE: Verdict = (429, "rate_limit_exceeded", Retry.SAME_ROUTE)
OVERLOADED: Verdict = (503, "upstream_unavailable", Retry.SAME_ROUTE)
TIMED_OUT: Verdict = (504, "upstream_timeout", Retry.SAME_ROUTE)
CONTEXT: Verdict = (400, "context_length_exceeded", Retry.NEVER)
CONTENT: Verdict = (400, "content_filter", Retry.NEVER)


def bad(code: str, status: int = 400) -> Verdict:
    return (status, code, Retry.NEVER)


ZHIPU = {
    **dict.fromkeys(["1000", "1001", "1002", "1003", "1004", "1220"], REFUSED),
    **dict.fromkeys(["1100", "1110", "1111", "1112", "1113", "1120", "1121"], REFUSED),
    **dict.fromkeys(["1304", "1308", "1309", "1310", "1313", "1316", "1317", "1318", "1319", "1320", "1321"], REFUSED),
    **dict.fromkeys(["1211", "1221", "1222", "1311"], NO_MODEL),
    **dict.fromkeys(["1231", "1302", "1303", "1305"], RATE),
    **dict.fromkeys(["500", "1200", "1230", "1234", "1312"], OVERLOADED),
    **dict.fromkeys(["1300", "1301"], CONTENT),
    "1261": CONTEXT,
    **{code: bad(code) for code in ("1210", "1212", "1213", "1214", "1215")},
}


@pytest.mark.parametrize("code", ZHIPU)
@pytest.mark.parametrize("status", [429, 400, 500, None])
def test_number_of_zhipu_means_the_same_in_every_shape(code: str, status: int | None) -> None:
    bodies = [error(code, "m"), error(int(code), "m"), {"code": int(code), "msg": "m"}, {"code": code, "message": "m"}]

    faults = [fault_of("zhipu", status, body) for body in bodies]

    assert [(fault.status, fault.code, fault.retry) for fault in faults] == [ZHIPU[code]] * 4


def test_number_means_nothing_at_another_vendor() -> None:
    fault = fault_of("general", 429, error("1113", "try later"))

    assert (fault.status, fault.code) == (429, "rate_limit_exceeded")


# (vendor, status of the answer or None for a 200, body, verdict)
CASES: dict[str, tuple[str, int | None, Any, Verdict]] = {
    "dashscope: arrears": ("dashscope", 400, error("Arrearage", "Access denied"), REFUSED),
    "dashscope: arrears, flat": ("dashscope", 400, {"code": "Arrearage", "message": "Access denied"}, REFUSED),
    "dashscope: arrears as type": ("dashscope", 400, error(None, "Access denied", type="Arrearage"), REFUSED),
    "dashscope: free tokens used up": ("dashscope", 403, error("AllocationQuota.FreeTierOnly"), REFUSED),
    "dashscope: model denied": ("dashscope", 403, error("Model.AccessDenied"), REFUSED),
    "dashscope: key": ("dashscope", 401, error("invalid_api_key", "Incorrect API key provided."), REFUSED),
    "dashscope: not bought": ("dashscope", 403, error("AccessDenied.Unpurchased"), REFUSED),
    "dashscope: rate": ("dashscope", 429, error("Throttling.RateQuota"), RATE),
    "dashscope: tokens a minute": ("dashscope", 429, error("Throttling.AllocationQuota"), RATE),
    "dashscope: tokens a minute, OpenAI's word": ("dashscope", 429, error("insufficient_quota"), RATE),
    "dashscope: requests": ("dashscope", 429, error("limit_requests", type="limit_requests"), RATE),
    "dashscope: rate in a 200": ("dashscope", None, error("Throttling"), RATE),
    "dashscope: range": (
        "dashscope",
        400,
        error("InvalidParameter", "<400> InternalError.Algo: Range of input length should be [1, 30720]"),
        CONTEXT,
    ),
    "dashscope: range of another": (
        "dashscope",
        400,
        error("InvalidParameter", "Range of max_tokens should be [1, 8192]"),
        bad("InvalidParameter"),
    ),
    "dashscope: content": ("dashscope", 400, error("DataInspectionFailed", "inappropriate content"), CONTENT),
    "dashscope: content, in small": ("dashscope", 400, error("data_inspection_failed"), CONTENT),
    "dashscope: file not inspected": (
        "dashscope",
        400,
        error("InvalidParameter.DataInspection"),
        bad("InvalidParameter.DataInspection"),
    ),
    "dashscope: model": ("dashscope", 404, error("model_not_found"), NO_MODEL),
    "dashscope: too large": ("dashscope", 413, error("BadRequest.TooLarge"), bad("BadRequest.TooLarge", 413)),
    "dashscope: internal": ("dashscope", 500, error("InternalError.Algo"), OVERLOADED),
    "deepseek: no balance": ("deepseek", 402, error("invalid_request_error", "Insufficient Balance"), REFUSED),
    "deepseek: no balance in a 400": ("deepseek", 400, error("invalid_request_error", "Insufficient Balance"), REFUSED),
    "deepseek: key": ("deepseek", 401, error("invalid_request_error", type="authentication_error"), REFUSED),
    "deepseek: rate": ("deepseek", 429, error(None, "Rate limit reached"), RATE),
    "deepseek: overload": ("deepseek", 503, error(None, "Server overloaded"), OVERLOADED),
    "deepseek: context": (
        "deepseek",
        400,
        error("invalid_request_error", "This model's maximum context length is 131072 tokens."),
        CONTEXT,
    ),
    "deepseek: format": ("deepseek", 422, error(None, "missing field `content`"), bad("upstream_error", 422)),
    "moonshot: quota": (
        "moonshot",
        429,
        error(None, "You exceeded your current token quota", type="exceeded_current_quota_error"),
        REFUSED,
    ),
    "moonshot: rate": ("moonshot", 429, error(None, "max RPM: 3", type="rate_limit_reached_error"), RATE),
    "moonshot: overload": ("moonshot", 429, error(None, "overloaded", type="engine_overloaded_error"), OVERLOADED),
    "moonshot: key": (
        "moonshot",
        401,
        error(None, "Invalid Authentication", type="invalid_authentication_error"),
        REFUSED,
    ),
    "moonshot: permission": ("moonshot", 403, error(None, "m", type="permission_denied_error"), REFUSED),
    "moonshot: model": ("moonshot", 404, error(None, "m", type="resource_not_found_error"), NO_MODEL),
    "moonshot: content": ("moonshot", 400, error(None, "considered high risk", type="content_filter"), CONTENT),
    "moonshot: context": (
        "moonshot",
        400,
        error(None, "Invalid request: Your request exceeded model token limit: 262144", type="invalid_request_error"),
        CONTEXT,
    ),
    "moonshot: length": (
        "moonshot",
        400,
        error(None, "Input token length too long", type="invalid_request_error"),
        CONTEXT,
    ),
    "qianfan: arrears": ("qianfan", 403, error("account_overdue", type="access_denied"), REFUSED),
    "qianfan: plan used up": ("qianfan", 429, error("coding_plan_week_quota_exceeded"), REFUSED),
    "qianfan: plan over": ("qianfan", 403, error("coding_plan_subscription_expired"), REFUSED),
    "qianfan: key of a plan": ("qianfan", 401, error("coding_plan_api_key_required"), REFUSED),
    "qianfan: token": ("qianfan", 401, error("invalid_iam_token", type="invalid_request_error"), REFUSED),
    "qianfan: tokens a minute": ("qianfan", 429, error("tpm_rate_limit_exceeded", type="rate_limit_exceeded"), RATE),
    "qianfan: rate of the plan": ("qianfan", 429, error("coding_plan_cluster_rate_limited"), RATE),
    "qianfan: context": ("qianfan", 400, error("tokens_too_long", "Prompt tokens too long"), CONTEXT),
    "qianfan: content": ("qianfan", 403, error("system_unsafe", type="unsafe_request"), CONTENT),
    "qianfan: model": ("qianfan", 401, error("invalid_model", type="invalid_request_error"), NO_MODEL),
    "qianfan: internal": ("qianfan", 500, error("internal_error", type="Internal_error"), OVERLOADED),
    "qianfan 1: rate": ("qianfan", None, {"error_code": 18, "error_msg": "Open api qps request limit reached"}, RATE),
    "qianfan 1: day": ("qianfan", None, {"error_code": 17, "error_msg": "daily request limit reached"}, REFUSED),
    "qianfan 1: token": ("qianfan", None, {"error_code": 110, "error_msg": "Access token invalid"}, REFUSED),
    "qianfan 1: context": (
        "qianfan",
        None,
        {"error_code": 336007, "error_msg": "the max input characters is x"},
        CONTEXT,
    ),
    "hunyuan: arrears": ("hunyuan", 400, error("FailedOperation.ServiceStopArrears"), REFUSED),
    "hunyuan: package": ("hunyuan", None, error("FailedOperation.ResourcePackExhausted"), REFUSED),
    "hunyuan: charge": (
        "hunyuan",
        None,
        {"Response": {"Error": {"Code": "ResourceInsufficient.ChargeResourceExhaust", "Message": "m"}}},
        REFUSED,
    ),
    "hunyuan: key": ("hunyuan", 401, error("AuthFailure.SecretIdNotFound"), REFUSED),
    "hunyuan: rate": ("hunyuan", 429, error("LimitExceeded"), RATE),
    "hunyuan: engine's limit": ("hunyuan", None, error("FailedOperation.EngineServerLimitExceeded"), RATE),
    "hunyuan: engine": ("hunyuan", None, error("FailedOperation.EngineServerError"), OVERLOADED),
    "hunyuan: content": ("hunyuan", None, error("OperationDenied.TextIllegalDetected"), CONTENT),
    "hunyuan: model": ("hunyuan", 400, error("InvalidParameterValue.Model"), NO_MODEL),
    "siliconflow: balance": (
        "siliconflow",
        403,
        {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None},
        REFUSED,
    ),
    "siliconflow: key": ("siliconflow", 401, b'"Invalid token"', REFUSED),
    "siliconflow: model": ("siliconflow", 400, {"code": 20012, "message": "Model does not exist."}, NO_MODEL),
    "siliconflow: rate": (
        "siliconflow",
        429,
        {"message": "Request was rejected due to rate limiting. Details: TPM limit reached.", "data": ""},
        RATE,
    ),
    "siliconflow: overload": ("siliconflow", 529, {"type": "error", "error": {"type": "overloaded_error"}}, OVERLOADED),
    "siliconflow: busy": ("siliconflow", 503, {"code": 50505, "message": "Model service overloaded."}, OVERLOADED),
    "siliconflow: context": (
        "siliconflow",
        400,
        {"code": 20015, "message": "length of prompt_tokens (40000) must be less than max_seq_len (32768)."},
        CONTEXT,
    ),
    "minimax: balance": (
        "minimax",
        None,
        {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        REFUSED,
    ),
    "minimax: plan": (
        "minimax",
        None,
        {"base_resp": {"status_code": 2056, "status_msg": "usage limit exceeded"}},
        REFUSED,
    ),
    "minimax: key": ("minimax", None, {"base_resp": {"status_code": 1004, "status_msg": "not authorized"}}, REFUSED),
    "minimax: rate": ("minimax", None, {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "m"}}, RATE),
    "minimax: tokens": ("minimax", None, {"base_resp": {"status_code": 1039, "status_msg": "TPM"}}, RATE),
    "minimax: content": ("minimax", None, {"base_resp": {"status_code": 1026, "status_msg": "m"}}, CONTENT),
    "minimax: answer's content": ("minimax", None, {"base_resp": {"status_code": "1027", "status_msg": "m"}}, CONTENT),
    "minimax: context": (
        "minimax",
        None,
        {"base_resp": {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit"}},
        CONTEXT,
    ),
    "minimax: parameter": (
        "minimax",
        None,
        {"base_resp": {"status_code": 2013, "status_msg": "invalid params"}},
        bad("2013"),
    ),
    "minimax: internal": (
        "minimax",
        None,
        {"base_resp": {"status_code": 1000, "status_msg": "unknown error"}},
        OVERLOADED,
    ),
    "minimax: in OpenAI's shape": ("minimax", 429, error("1008", "insufficient balance (1008)"), REFUSED),
    "stepfun: balance": ("stepfun", 402, error(None, "m", type="quota_exceeded"), REFUSED),
    "stepfun: content": ("stepfun", 451, error(None, "blocked", type="censorship_blocked"), CONTENT),
    "stepfun: 451": ("stepfun", 451, b"", CONTENT),
    "stepfun: rate": ("stepfun", 429, error(None, "m", type="rate_limited"), RATE),
    "openrouter: credits": ("openrouter", 402, error(402, "This request requires more credits"), REFUSED),
    "openrouter: credits in a 200": ("openrouter", None, error(402, "Insufficient credits"), REFUSED),
    "openrouter: flagged": (
        "openrouter",
        403,
        error(403, "Your input was flagged", metadata={"reasons": ["x"]}),
        CONTENT,
    ),
    "openrouter: forbidden": ("openrouter", 403, error(403, "Forbidden"), REFUSED),
    "openrouter: rate": ("openrouter", 429, error(429, "Rate limited"), RATE),
    "openrouter: of the provider behind": (
        "openrouter",
        429,
        error(
            429,
            "Provider returned error",
            metadata={"raw": '{"error":{"type":"engine_overloaded_error","message":"m"}}'},
        ),
        OVERLOADED,
    ),
    "openrouter: blocked by the provider": (
        "openrouter",
        None,
        error(451, "Provider returned error", metadata={"raw": '{"error":{"type":"censorship_blocked"}}'}),
        CONTENT,
    ),
    "openrouter: down": ("openrouter", None, error(502, "Provider returned error"), OVERLOADED),
    "openrouter: none": ("openrouter", 404, error(404, "No endpoints found for x"), NO_MODEL),
    "openai: no credit": ("openai", 429, error("insufficient_quota", type="insufficient_quota"), REFUSED),
    "openai: spending": ("openai", 429, error("organization_spend_limit_exceeded"), REFUSED),
    "openai: bill": ("openai", 400, error("billing_hard_limit_reached", type="invalid_request_error"), REFUSED),
    "openai: rate that names a quota": (
        "openai",
        429,
        error("rate_limit_exceeded", "quota", type="insufficient_quota"),
        RATE,
    ),
    "openai: rate": ("openai", 429, error("rate_limit_exceeded", "tokens per min (TPM): Limit 1"), RATE),
    "openai: context": ("openai", 400, error("context_length_exceeded"), CONTEXT),
    "openai: content": ("openai", 400, error("content_policy_violation"), CONTENT),
    "openai: key": ("openai", 401, error("invalid_api_key", type="invalid_request_error"), REFUSED),
    "azure: rate": (
        "azure",
        429,
        error("429", "Requests have exceeded call rate limit of your current pricing tier"),
        RATE,
    ),
    "azure: quota": ("azure", 429, error("insufficient_quota"), REFUSED),
    "azure: no capacity": ("azure", 503, error("NoCapacity"), OVERLOADED),
    "azure: content": (
        "azure",
        400,
        error("content_filter", "m", innererror={"code": "ResponsibleAIPolicyViolation"}),
        CONTENT,
    ),
    "azure: deployment": ("azure", 404, error("DeploymentNotFound"), NO_MODEL),
    "azure: key": ("azure", 401, error("401", "Access denied due to invalid subscription key"), REFUSED),
    "azure: context": ("azure", 400, error("context_length_exceeded"), CONTEXT),
    "ark: in an event": ("ark", None, error("AccountOverdueError"), REFUSED),
    "ark: context": ("ark", 400, error("OutofContextError"), CONTEXT),
    "ark: context in a parameter": (
        "ark",
        400,
        error("InvalidParameter", "Total tokens of image and text exceed max message tokens"),
        CONTEXT,
    ),
    "google: key": (
        "general",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "m",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"reason": "API_KEY_INVALID"}],
                }
            }
        ],
        REFUSED,
    ),
    "google: rate": ("general", 429, [error(429, "Resource exhausted", status="RESOURCE_EXHAUSTED")], RATE),
    "google: rate in words of money": (
        "general",
        429,
        [error(429, "You exceeded your current quota. Please retry in 33.5s.", status="RESOURCE_EXHAUSTED")],
        RATE,
    ),
    "anthropic: credit": (
        "general",
        400,
        error(None, "Your credit balance is too low", type="invalid_request_error"),
        REFUSED,
    ),
    "anthropic: overload": ("general", 529, error(None, "Overloaded", type="overloaded_error"), OVERLOADED),
    "new-api: quota": ("general", 403, error("insufficient_user_quota", "用户额度不足"), REFUSED),
    "new-api: load": ("general", 429, error(None, "当前分组上游负载已饱和，请稍后再试"), OVERLOADED),
    "vllm: context": (
        "general",
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 8192 tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
        CONTEXT,
    ),
    "vllm: parameter": (
        "general",
        400,
        {"object": "error", "message": "n must be 1", "type": "BadRequestError", "code": 400},
        bad("BadRequestError"),
    ),
    "vllm: model": (
        "general",
        404,
        {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        NO_MODEL,
    ),
    "fastapi: context": ("general", 400, {"detail": "This model's maximum context length is 8192 tokens."}, CONTEXT),
    "fastapi: busy": ("general", 503, {"detail": "m"}, OVERLOADED),
    "sglang: context in a 500": (
        "general",
        500,
        {"detail": "The input (9000 tokens) is longer than the model's context length (8192 tokens)."},
        CONTEXT,
    ),
    "llama.cpp": ("general", 400, error(400, "the request exceeds", type="exceed_context_size_error"), CONTEXT),
    "a gateway's 500 around a 429": ("general", 500, error(429, "m"), RATE),
    "a gateway's 400 around a 401": ("general", 400, error("401", "m"), REFUSED),
    "a gateway's 502 around a class": ("general", 502, error(None, "m", type="authentication_error"), REFUSED),
    "a status that says more than its code": ("general", 429, error("500", "m"), RATE),
    "nothing is known": ("general", 400, error("novel", "m"), bad("novel")),
    "nothing is known in a 200": ("general", None, {"code": 7, "msg": "m"}, OVERLOADED),
    "text that is no class": ("general", 400, {"msg": "n must be 1"}, bad("upstream_error")),
    "arrears by the text": ("general", None, {"code": 7, "msg": "您的账户已欠费，请充值后重试"}, REFUSED),
    "timeout": ("general", 408, b"", TIMED_OUT),
    "page": (
        "general",
        403,
        b"<html><title>Blocked</title>Sorry, you have been blocked by our security policy</html>",
        REFUSED,
    ),
}


@pytest.mark.parametrize(("vendor", "status", "body", "verdict"), CASES.values(), ids=CASES)
def test_error_means(vendor: str, status: int | None, body: Any, verdict: Verdict) -> None:
    fault = fault_of(vendor, status, body)

    assert (fault.status, fault.code, fault.retry) == verdict


# Codes of https://www.volcengine.com/docs/82379/1299023 that a chat may get, with their status there.
ARK = {
    "MissingParameter": (400, bad("MissingParameter")),
    "MissingParameter.messages": (400, bad("MissingParameter.messages")),
    "InvalidParameter": (400, bad("InvalidParameter")),
    "InvalidParameter.UnsupportedParameter": (400, bad("InvalidParameter.UnsupportedParameter")),
    "InvalidArgumentError.UnknownRole": (400, bad("InvalidArgumentError.UnknownRole")),
    "InvalidImageURL.EmptyURL": (400, bad("InvalidImageURL.EmptyURL")),
    "OutofContextError": (400, CONTEXT),
    "InvalidEndpoint.ClosedEndpoint": (400, NO_MODEL),
    "SensitiveContentDetected": (400, CONTENT),
    "SensitiveContentDetected.SevereViolation": (400, CONTENT),
    "InputTextSensitiveContentDetected": (400, CONTENT),
    "InputImageSensitiveContentDetected.PrivacyInformation": (400, CONTENT),
    "InputVideoSensitiveContentDetected": (400, CONTENT),
    "OutputAudioSensitiveContentDetected.PolicyViolation": (400, CONTENT),
    "InputTextRiskDetection": (400, CONTENT),
    "OutputImageRiskDetection": (400, CONTENT),
    "ContentSecurityDetectionError": (400, OVERLOADED),
    "AuthenticationError": (401, REFUSED),
    "InvalidAccountStatus": (401, REFUSED),
    "InvalidSubscription": (403, REFUSED),
    "AccountOverdueError": (403, REFUSED),
    "AccessDenied": (403, REFUSED),
    "OperationDenied.ServiceNotOpen": (403, REFUSED),
    "OperationDenied.ServiceOverdue": (403, REFUSED),
    "InvalidEndpoint.NotFound": (404, NO_MODEL),
    "InvalidEndpointOrModel.NotFound": (404, NO_MODEL),
    "InvalidEndpointOrModel.ModelIDAccessDisabled": (404, NO_MODEL),
    "ModelNotOpen": (404, NO_MODEL),
    "UnsupportedModel": (404, NO_MODEL),
    "RateLimitExceeded.EndpointRPMExceeded": (429, RATE),
    "RateLimitExceeded.EndpointTPMExceeded": (429, RATE),
    "ModelAccountRpmRateLimitExceeded": (429, RATE),
    "ModelAccountTpmRateLimitExceeded": (429, RATE),
    "ModelAccountIpmRateLimitExceeded": (429, RATE),
    "APIAccountRpmRateLimitExceeded": (429, RATE),
    "AccountRateLimitExceeded": (429, RATE),
    "InflightBatchsizeExceeded": (429, RATE),
    "RequestBurstTooFast": (429, RATE),
    "QuotaExceeded": (429, REFUSED),
    "SetLimitExceeded": (429, REFUSED),
    "AccountQuotaExceeded": (429, REFUSED),
    "ServerOverloaded": (429, OVERLOADED),
    "ModelLoadingError": (429, OVERLOADED),
    "InternalServiceError": (500, OVERLOADED),
}


@pytest.mark.parametrize("code", ARK)
def test_code_of_ark_means_the_same_by_status_and_in_a_stream(code: str) -> None:
    status, verdict = ARK[code]

    faults = [fault_of("ark", each, error(code, "m", type="any")) for each in (status, None)]

    assert [(fault.status, fault.code, fault.retry) for fault in faults] == [verdict] * 2


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_code_is_there_twice(vendor: str) -> None:
    codes: Mapping[str, Any] = VENDORS[vendor].codes

    assert len({plainly(code) for code in codes}) == len(codes)


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 409, 429, 500, 503])
def test_what_a_vendor_says_of_our_account_is_for_the_operator(status: int) -> None:
    fault = fault_of("zhipu", None if status == 200 else status, error("1113", "您的账户已欠费，请充值后重试。"))

    assert "欠费" not in fault.as_json().decode()
    assert (fault.message, fault.detail) == (
        "The provider refused our access.",
        f"{status} 1113: 您的账户已欠费，请充值后重试。",
    )
