"""MiniMax: the error is a number in `base_resp` of a 200, also as an event of a stream.

Reference: https://platform.minimax.io/docs/api-reference/errorcode (read 2026-12-01).
"""

from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
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
    label="MiniMax",
    hosts=("minimax.chat", "minimaxi.com", "minimax.io"),
    codes={
        "1000": OVERLOADED,
        "1001": TIMED_OUT,
        "1002": TOO_MANY,
        "1004": OUR_KEY,
        "1008": OUR_MONEY,
        "1013": OVERLOADED,
        "1024": OVERLOADED,
        "1026": SENSITIVE,  # of the question
        "1027": SENSITIVE,  # of the answer
        "1028": OUR_MONEY,  # quota of a plan
        "1030": OUR_MONEY,
        "1033": OVERLOADED,
        "1039": TOO_MANY,  # tokens per minute
        "1041": TOO_MANY,  # connections
        "1042": BAD_REQUEST,  # too many invisible characters
        "1043": BAD_REQUEST,
        "2013": BAD_REQUEST,  # the text tells whether the context was too long
        "2045": TOO_MANY,  # a growth that was too fast
        "2049": OUR_KEY,
        "2056": OUR_MONEY,  # a plan's tokens of five hours
        "2061": OUR_MONEY,  # a model that the plan does not include
    },
    wordings=[(r"\bcontext window exceeds limit\b", TOO_LONG)],
)
