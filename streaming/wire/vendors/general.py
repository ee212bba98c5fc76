"""What is true of services that no table is about, and of a vendor wherever its own table is silent.

Most compatible services have adopted OpenAI's codes; the others here are those of what stands in between (one-api and
new-api, LiteLLM, Google's and Anthropic's gateways) and of servers that one runs oneself (vLLM, SGLang, llama.cpp).

Sources: https://github.com/QuantumNous/new-api (types/error.go), https://ai.google.dev/gemini-api/docs/troubleshooting,
https://docs.claude.com/en/api/errors, https://github.com/ggml-org/llama.cpp/tree/master/tools/server (2026-12-01).
"""

from streaming.wire.vendors.finishes import CONTEXT_FULL, FAILED, FILTERED
from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    SENSITIVE,
    TIMED_OUT,
    TOO_LONG,
    TOO_MANY,
)
from streaming.wire.vendors.vendor import Vendor
from streaming.wire.vendors.wordings import WORDINGS

VENDOR = Vendor(
    label="General",
    codes={
        # OpenAI's, see world/openai.py
        "invalid_api_key": OUR_KEY,
        "account_deactivated": OUR_KEY,
        "billing_hard_limit_reached": OUR_MONEY,
        "billing_not_active": OUR_MONEY,
        "insufficient_quota": OUR_MONEY,
        "model_not_found": NO_SUCH_MODEL,
        "rate_limit_exceeded": TOO_MANY,
        "context_length_exceeded": TOO_LONG,
        "string_above_max_length": TOO_LONG,
        "content_filter": SENSITIVE,
        "content_policy_violation": SENSITIVE,
        # one-api, new-api, LiteLLM
        "insufficient_user_quota": OUR_MONEY,
        "insufficient_balance": OUR_MONEY,
        "pre_consume_token_quota_failed": OUR_MONEY,
        "quota_exceeded": OUR_MONEY,
        "quota_not_enough": OUR_MONEY,
        "payment_required": OUR_MONEY,
        "budget_exceeded": OUR_MONEY,
        "channel:invalid_key": OUR_KEY,
        "channel:no_available_key": OUR_KEY,
        "get_channel_failed": OVERLOADED,
        "do_request_failed": OVERLOADED,
        "bad_response": OVERLOADED,
        "sensitive_words_detected": SENSITIVE,
        "prompt_blocked": SENSITIVE,
        "moderation_blocked": SENSITIVE,
        # Words of single vendors that cannot be mistaken, as gateways pass them on
        "AccountOverdueError": OUR_MONEY,
        "Arrearage": OUR_MONEY,
        "account_overdue": OUR_MONEY,
        "exceeded_current_quota_error": OUR_MONEY,
        "rate_limit_reached_error": TOO_MANY,
        "engine_overloaded_error": OVERLOADED,
        "ServerOverloaded": OVERLOADED,
        "tokens_too_long": TOO_LONG,
        "DataInspectionFailed": SENSITIVE,
        "censorship_blocked": SENSITIVE,
        # Google: its 400 for a wrong key, and the bill
        "API_KEY_INVALID": OUR_KEY,
        "FAILED_PRECONDITION": OUR_MONEY,
        # Anthropic
        "billing_error": OUR_MONEY,
        "overloaded_error": OVERLOADED,
        # llama.cpp
        "exceed_context_size_error": TOO_LONG,
        "unavailable_error": OVERLOADED,
        "engine_overloaded": OVERLOADED,
        "timeout": TIMED_OUT,
        "invalid_parameter": BAD_REQUEST,
    },
    wordings=WORDINGS,
    finishes={
        "network_error": FAILED,
        "insufficient_system_resource": FAILED,
        "abort": FAILED,  # vLLM, SGLang
        "aborted": FAILED,
        "cancelled": FAILED,
        "canceled": FAILED,
        "error": FAILED,  # OpenRouter
        "internal_error": FAILED,
        "server_error": FAILED,
        "system_error": FAILED,
        "engine_error": FAILED,
        "upstream_error": FAILED,
        "failed": FAILED,
        "failure": FAILED,
        "timeout": FAILED,
        "overloaded": FAILED,
        "rate_limit_exceeded": FAILED,
        "resource_exhausted": FAILED,
        "interrupted": FAILED,
        "malformed_function_call": FAILED,  # Google
        "content_filter": FILTERED,
        "content_filtered": FILTERED,
        "content_policy_violation": FILTERED,
        "censorship_blocked": FILTERED,
        "sensitive": FILTERED,  # Zhipu, Hunyuan
        "moderation": FILTERED,
        "refusal": FILTERED,  # Anthropic
        "safety": FILTERED,  # Google, as the next ones
        "image_safety": FILTERED,
        "recitation": FILTERED,
        "blocklist": FILTERED,
        "prohibited_content": FILTERED,
        "spii": FILTERED,
        "model_context_window_exceeded": CONTEXT_FULL,  # Zhipu, Anthropic
        "context_length_exceeded": CONTEXT_FULL,
    },
)
