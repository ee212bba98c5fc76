"""StepFun: OpenAI's shape with types of its own; 402 is an empty balance, 451 a blocked question or answer.

Reference: https://platform.stepfun.com/docs/guide/exception (read 2026-12-01); types as seen in answers.
"""

from streaming.wire.vendors.meanings import OUR_KEY, OUR_MONEY, OVERLOADED, SENSITIVE, TOO_LONG, TOO_MANY
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="StepFun",
    hosts=("stepfun.com", "stepfun.ai"),
    names=("step",),
    codes={
        "quota_exceeded": OUR_MONEY,
        "insufficient_balance": OUR_MONEY,
        "incorrect_api_key": OUR_KEY,
        "invalid_api_key": OUR_KEY,
        "rate_limited": TOO_MANY,
        "rate_limit_exceeded": TOO_MANY,
        "engine_overloaded": OVERLOADED,
        "context_length_exceeded": TOO_LONG,
        "censorship_blocked": SENSITIVE,
    },
    statuses={451: SENSITIVE},
)
