"""Moonshot (Kimi): the type is the code, and three sorts of 429 are three types.

Reference: https://platform.kimi.com/docs/api/errors (read 2026-12-01).
"""

from streaming.wire.vendors.meanings import (
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

VENDOR = Vendor(
    label="Moonshot",
    hosts=("moonshot.cn", "moonshot.ai", "kimi.com"),
    names=("kimi",),
    codes={
        "exceeded_current_quota_error": OUR_MONEY,
        "access_terminated_error": OUR_MONEY,
        "invalid_authentication_error": OUR_KEY,
        "incorrect_api_key_error": OUR_KEY,
        "permission_denied_error": OUR_KEY,
        "resource_not_found_error": NO_SUCH_MODEL,
        "rate_limit_reached_error": TOO_MANY,
        "engine_overloaded_error": OVERLOADED,
        "unexpected_output": OVERLOADED,
        "server_error": OVERLOADED,
        "client_closed_request": TIMED_OUT,
        "content_filter": SENSITIVE,
    },
    wordings=[
        (r"\byou've reached your usage limit\b|\bmonthly usage limit\b", OUR_MONEY),
        (
            r"\bexceeded model token limit\b|\binput token length too long\b|\btotal message size\b.*\bexceeds\b",
            TOO_LONG,
        ),
    ],
)
