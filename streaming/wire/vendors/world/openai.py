"""OpenAI's error codes, which most compatible services have adopted.

Reference: https://platform.openai.com/docs/guides/error-codes (as collected in 2026).
"""

from streaming.wire.vendors.meanings import BAD_REQUEST, NO_SUCH_MODEL, OUR_KEY, TOO_MANY, USED_UP
from streaming.wire.vendors.vendor import Vendor

CODES = {
    "invalid_api_key": OUR_KEY,
    "account_deactivated": OUR_KEY,
    "model_not_found": NO_SUCH_MODEL,
    "context_length_exceeded": BAD_REQUEST,
    "content_filter": BAD_REQUEST,
    "content_policy_violation": BAD_REQUEST,
    "rate_limit_exceeded": TOO_MANY,
    "insufficient_quota": USED_UP,
}

VENDOR = Vendor(label="OpenAI", hosts=("openai.com",), codes=CODES)
