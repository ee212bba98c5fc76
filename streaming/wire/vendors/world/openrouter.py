"""OpenRouter: the status is the code, also inside a 200; the error of the provider behind it is in `metadata.raw`.

Its 403 means a key without permission, a guardrail, or a question that was flagged (`metadata.reasons`); only the text
tells them apart. Reference: https://openrouter.ai/docs/api/reference/errors-and-debugging (read 2026-12-01).
"""

from streaming.wire.vendors.finishes import FAILED
from streaming.wire.vendors.meanings import NO_SUCH_MODEL, OUR_MONEY, OVERLOADED, SENSITIVE, TOO_LONG
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="OpenRouter",
    hosts=("openrouter.ai",),
    codes={
        "payment_required": OUR_MONEY,
        "token_limit_exceeded": OUR_MONEY,  # tokens that the credit can't pay for
        "context_length_exceeded": TOO_LONG,
        "string_too_long": TOO_LONG,
        "content_policy_violation": SENSITIVE,
        "provider_overloaded": OVERLOADED,
        "provider_unavailable": OVERLOADED,
    },
    wordings=[
        (r"\brequires more credits\b|\bcan only afford\b|\bkey limit exceeded\b", OUR_MONEY),
        (r"\brequires moderation\b|\bflagged\b|\bguardrail\b", SENSITIVE),
        (r"\bno (allowed providers|endpoints found)\b", NO_SUCH_MODEL),
    ],
    finishes={"error": FAILED},
)
