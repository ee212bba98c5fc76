"""OpenAI. Its codes are everybody's: see general.py.

Reference: https://developers.openai.com/api/docs/guides/error-codes (read 2026-12-01).
"""

from streaming.wire.vendors.meanings import NO_SUCH_MODEL, OUR_KEY, OUR_MONEY, OVERLOADED, SENSITIVE, TOO_LONG
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="OpenAI",
    hosts=("openai.com",),
    codes={
        "insufficient_quota": OUR_MONEY,
        "billing_hard_limit_reached": OUR_MONEY,
        "billing_not_active": OUR_MONEY,
        "credit_balance_exhausted": OUR_MONEY,
        "organization_spend_limit_exceeded": OUR_MONEY,
        "project_spend_limit_exceeded": OUR_MONEY,
        "organization_usage_limit_exceeded": OUR_MONEY,
        "access_terminated": OUR_KEY,
        "account_deactivated": OUR_KEY,
        "invalid_organization": OUR_KEY,
        "mismatched_organization": OUR_KEY,
        "mismatched_project": OUR_KEY,
        "ip_not_authorized": OUR_KEY,
        "insufficient_permissions": OUR_KEY,
        "unsupported_country_region_territory": OUR_KEY,
        "model_not_available": NO_SUCH_MODEL,
        "engine_overloaded": OVERLOADED,
        "slow_down": OVERLOADED,
        "context_length_exceeded": TOO_LONG,
        "invalid_prompt": SENSITIVE,  # "flagged as potentially violating our usage policy" of reasoning models
        "image_content_policy_violation": SENSITIVE,
    },
)
