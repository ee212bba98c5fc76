"""Baidu Qianfan: version 2 has words and a 403 for sensitive questions, version 1 numbers in a 200.

Reference: https://cloud.baidu.com/doc/qianfan-api/s/Om9b4yj3w (of 2026-07-29, read 2026-12-01) and
https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh (version 1).
"""

from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    SENSITIVE,
    TOO_LONG,
    TOO_MANY,
)
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Qianfan",
    hosts=("baidubce.com",),
    names=("baidu", "ernie", "wenxin"),
    codes={
        "account_overdue": OUR_MONEY,
        "*_quota_exceeded": OUR_MONEY,  # of a coding plan: hour, week, month
        "*_plan_*_expired": OUR_MONEY,
        "*_plan_*not_subscribed": OUR_MONEY,
        "*_plan_*api_key_*": OUR_KEY,
        "*_plan_*model_not_supported": NO_SUCH_MODEL,
        "invalid_iam_token": OUR_KEY,
        "invalid_appid": OUR_KEY,
        "no_parameter_permission": OUR_KEY,
        "access_denied": OUR_KEY,
        "invalid_model": NO_SUCH_MODEL,
        "model_offline": NO_SUCH_MODEL,
        "*rate_limit_exceeded": TOO_MANY,
        "*_rate_limited": TOO_MANY,
        "Offline_batch_reasoning_refused": TOO_MANY,
        "tokens_too_long": TOO_LONG,
        "characters_too_long": TOO_LONG,
        "unsafe_request": SENSITIVE,
        "*_unsafe": SENSITIVE,
        "malformed_json": BAD_REQUEST,
        "invalid_messages": BAD_REQUEST,
        "invalid_argument": BAD_REQUEST,
        "*internal_error": OVERLOADED,
        # Version 1
        "1": OVERLOADED,
        "2": OVERLOADED,
        "4": TOO_MANY,
        "6": OUR_KEY,
        "13": OUR_KEY,
        "14": OUR_KEY,
        "17": OUR_MONEY,
        "18": TOO_MANY,
        "19": OUR_MONEY,
        "100": BAD_REQUEST,
        "110": OUR_KEY,
        "111": OUR_KEY,
        "336000": OVERLOADED,
        "336003": BAD_REQUEST,
        "336007": TOO_LONG,
        "336100": OVERLOADED,
        "336103": TOO_LONG,
        "336104": SENSITIVE,
        "336501": TOO_MANY,
        "336502": TOO_MANY,
    },
)
