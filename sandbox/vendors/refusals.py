"""How real providers refuse a chat: for each vendor, the status and body by what the refusal is about.

From the vendors' error pages, which the tables in `streaming/wire/vendors/` name; the product never imports this.
"""

from typing import Any, Literal

Provider = Literal[
    "ark", "azure", "dashscope", "deepseek", "fastapi", "hunyuan", "minimax", "moonshot", "openai", "openrouter",
    "qianfan", "siliconflow", "stepfun", "zhipu",
]  # fmt: skip
About = Literal["money", "key", "rate", "overload", "context", "content"]

Refusal = tuple[int, Any]

LONG = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."


def _error(code: Any, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def _minimax(code: int, message: str) -> Refusal:
    return 200, {"id": "", "choices": None, "base_resp": {"status_code": code, "status_msg": message}}


REFUSALS: dict[Provider, dict[About, Refusal]] = {
    "ark": {
        "money": (403, _error("AccountOverdueError", "your account has an overdue balance", type="Forbidden")),
        "key": (401, _error("AuthenticationError", "The API key in the request is missing or invalid.")),
        "rate": (429, _error("RateLimitExceeded.EndpointTPMExceeded", "The TPM limit has been exceeded.")),
        "overload": (429, _error("ServerOverloaded", "The service is currently unable to handle more requests.")),
        "context": (400, _error("OutofContextError", "Total tokens exceed the context.")),
        "content": (400, _error("InputTextSensitiveContentDetected", "The input text may be sensitive.")),
    },
    "azure": {
        "money": (429, _error("insufficient_quota", "You exceeded your current quota.")),
        "key": (401, _error("401", "Access denied due to invalid subscription key or wrong API endpoint.")),
        "rate": (429, _error("429", "Requests have exceeded token rate limit of your pricing tier.")),
        "overload": (503, _error("NoCapacity", "The service is temporarily unable to process your request.")),
        "context": (400, _error("context_length_exceeded", LONG, type="invalid_request_error")),
        "content": (400, _error("content_filter", "Filtered.", innererror={"code": "ResponsibleAIPolicyViolation"})),
    },
    "dashscope": {
        "money": (400, {"code": "Arrearage", "message": "Access denied, make sure your account is in good standing."}),
        "key": (401, _error("invalid_api_key", "Incorrect API key provided.", type="invalid_request_error")),
        "rate": (429, _error("Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")),
        "overload": (503, _error("ModelUnavailable", "Model is unavailable, please try again later.")),
        "context": (400, _error("InvalidParameter", "Range of input length should be [1, 30720]")),
        "content": (400, _error("data_inspection_failed", "Input data may contain inappropriate content.")),
    },
    "deepseek": {
        "money": (402, _error("invalid_request_error", "Insufficient Balance", type="unknown_error")),
        "key": (401, _error("invalid_request_error", "Authentication Fails", type="authentication_error")),
        "rate": (429, _error(None, "Rate Limit Reached")),
        "overload": (503, _error(None, "Server Overloaded")),
        "context": (400, _error("invalid_request_error", LONG, type="invalid_request_error")),
    },
    "fastapi": {
        "overload": (503, {"detail": "The server is busy."}),
        "context": (400, {"detail": LONG}),
    },
    "hunyuan": {
        "money": (400, _error("FailedOperation.ServiceStopArrears", "欠费停服。")),
        "key": (401, _error("AuthFailure.SecretIdNotFound", "密钥不存在。")),
        "rate": (429, _error("LimitExceeded", "超过配额限制。")),
        "overload": (500, _error("FailedOperation.EngineServerError", "引擎层内部错误；请稍后重试。")),
        "content": (400, _error("OperationDenied.TextIllegalDetected", "文本包含违法违规内容。")),
    },
    "minimax": {
        "money": _minimax(1008, "insufficient balance"),
        "key": _minimax(1004, "login fail: Please carry the API secret key"),
        "rate": _minimax(1002, "rate limit"),
        "overload": _minimax(1000, "unknown error"),
        "context": _minimax(2013, "invalid params, context window exceeds limit"),
        "content": _minimax(1026, "input new_sensitive"),
    },
    "moonshot": {
        "money": (429, _error(None, "Your account is suspended, please recharge", type="exceeded_current_quota_error")),
        "key": (401, _error(None, "Invalid Authentication", type="invalid_authentication_error")),
        "rate": (429, _error(None, "request reached max RPM: 3", type="rate_limit_reached_error")),
        "overload": (429, _error(None, "The engine is currently overloaded", type="engine_overloaded_error")),
        "context": (400, _error(None, "Your request exceeded model token limit: 8192", type="invalid_request_error")),
        "content": (400, _error(None, "The request was considered high risk", type="content_filter")),
    },
    "openai": {
        "money": (429, _error("insufficient_quota", "You exceeded your current quota.", type="insufficient_quota")),
        "key": (401, _error("invalid_api_key", "Incorrect API key provided.", type="invalid_request_error")),
        "rate": (429, _error("rate_limit_exceeded", "Rate limit reached on tokens per min (TPM).", type="tokens")),
        "overload": (503, _error(None, "The engine is currently overloaded, please try again later")),
        "context": (400, _error("context_length_exceeded", LONG, type="invalid_request_error", param="messages")),
        "content": (400, _error("content_policy_violation", "Your request was rejected by our safety system.")),
    },
    "openrouter": {
        "money": (402, _error(402, "Insufficient credits.")),
        "key": (401, _error(401, "No auth credentials found")),
        "rate": (429, _error(429, "Provider returned error", metadata={"raw": "temporarily rate-limited upstream"})),
        "overload": (200, _error(502, "Provider returned error", metadata={"provider_name": "X"})),
        "context": (400, _error(400, "This endpoint's maximum context length is 8192 tokens.")),
        "content": (403, _error(403, "Your input was flagged", metadata={"reasons": ["violence"]})),
    },
    "qianfan": {
        "money": (403, _error("account_overdue", "Access denied due to overdue account", type="access_denied")),
        "key": (401, _error("invalid_iam_token", "IAM Certification failed", type="invalid_request_error")),
        "rate": (429, _error("tpm_rate_limit_exceeded", "Rate limit reached for TPM", type="rate_limit_exceeded")),
        "overload": (500, _error("internal_error", "Internal error", type="Internal_error")),
        "context": (400, _error("tokens_too_long", "Prompt tokens too long", type="invalid_request_error")),
        "content": (403, _error("system_unsafe", "the content of system field is invalid", type="unsafe_request")),
    },
    "siliconflow": {
        "money": (403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}),
        "key": (401, "Invalid token"),
        "rate": (429, {"message": "Request was rejected due to rate limiting. TPM limit reached.", "data": ""}),
        "overload": (529, {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}),
        "context": (400, {"code": 20015, "message": "length of prompt_tokens must be less than max_seq_len (8192)."}),
    },
    "stepfun": {
        "money": (402, _error(None, "Your balance is not enough", type="quota_exceeded")),
        "key": (401, _error(None, "Incorrect API key provided", type="invalid_api_key")),
        "rate": (429, _error(None, "request reached max RPM", type="rate_limited")),
        "overload": (503, _error(None, "engine overloaded", type="engine_overloaded")),
        "context": (400, _error(None, LONG, type="invalid_request_error")),
        "content": (451, _error(None, "The content you provided is blocked.", type="censorship_blocked")),
    },
    "zhipu": {
        "money": (429, _error("1113", "余额不足或无可用资源包,请充值。")),
        "key": (401, _error("1000", "身份验证失败。")),
        "rate": (429, _error("1302", "您当前使用该API的并发数过高，请降低并发，或联系客服增加限额")),
        "overload": (429, _error("1312", "该模型当前访问量过大，请您稍后再试")),
        "context": (400, _error("1261", "Prompt 超长")),
        "content": (400, _error("1301", "系统检测到输入或生成内容可能包含不安全或敏感内容")),
    },
}  # fmt: skip
