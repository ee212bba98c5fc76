"""SiliconFlow: flat bodies with numbers (`{"code": 30001, "message": …, "data": null}`), a bare text for a wrong key.

Reference: https://docs.siliconflow.cn/cn/faqs/error-code (read 2026-12-01); numbers as seen in answers.
"""

from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    TOO_MANY,
)
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="SiliconFlow",
    hosts=("siliconflow.cn", "siliconflow.com"),
    names=("siliconcloud",),
    codes={
        "30001": OUR_MONEY,  # the balance
        "30002": OUR_MONEY,
        "30003": NO_SUCH_MODEL,  # disabled
        "30011": OUR_MONEY,  # a model for paid balance only
        "30013": OUR_MONEY,
        "20012": NO_SUCH_MODEL,
        "20015": BAD_REQUEST,
        "20017": OUR_KEY,
        "50501": OVERLOADED,
        "50502": OVERLOADED,
        "50505": OVERLOADED,
        "50507": OVERLOADED,
        "50508": OVERLOADED,
        "50603": OVERLOADED,
        "50604": TOO_MANY,
        "overloaded_error": OVERLOADED,
    },
)
