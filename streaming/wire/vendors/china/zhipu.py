"""Zhipu (BigModel, Z.ai): nearly everything is a 429, and the number, mostly sent as a text, tells what it is.

Reference: https://docs.bigmodel.cn/cn/api/api-code and https://docs.z.ai/api-reference/api-code (read 2026-12-01).
"""

from streaming.wire.vendors.finishes import CONTEXT_FULL, FAILED, FILTERED
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
    label="Zhipu",
    hosts=("bigmodel.cn", "z.ai"),
    names=("bigmodel", "glm", "zai", "zhipuai"),
    codes={
        "500": OVERLOADED,
        # 1000 to 1004: the key; 1100, 1110 to 1121: the account
        "1000": OUR_KEY,
        "1001": OUR_KEY,
        "1002": OUR_KEY,
        "1003": OUR_KEY,
        "1004": OUR_KEY,
        "1100": OUR_MONEY,
        "1110": OUR_MONEY,
        "1111": OUR_MONEY,
        "1112": OUR_MONEY,
        "1113": OUR_MONEY,
        "1120": OUR_MONEY,
        "1121": OUR_MONEY,
        # The call
        "1200": OVERLOADED,
        "1210": BAD_REQUEST,
        "1211": NO_SUCH_MODEL,
        "1212": BAD_REQUEST,
        "1213": BAD_REQUEST,
        "1214": BAD_REQUEST,
        "1215": BAD_REQUEST,
        "1220": OUR_KEY,
        "1221": NO_SUCH_MODEL,
        "1222": NO_SUCH_MODEL,
        "1230": OVERLOADED,
        "1231": TOO_MANY,  # the same request runs already
        "1234": OVERLOADED,  # network
        "1261": TOO_LONG,
        # Policies
        "1300": SENSITIVE,
        "1301": SENSITIVE,
        "1302": TOO_MANY,
        "1303": TOO_MANY,
        "1304": OUR_MONEY,  # the calls of a day
        "1305": TOO_MANY,
        "1308": OUR_MONEY,  # the quota of a plan, until its next period
        "1309": OUR_MONEY,
        "1310": OUR_MONEY,
        "1311": NO_SUCH_MODEL,  # not in the plan
        "1312": OVERLOADED,
        "1313": OUR_MONEY,  # a use that the plan's terms forbid
        "1316": OUR_MONEY,
        "1317": OUR_MONEY,
        "1318": OUR_MONEY,
        "1319": OUR_MONEY,
        "1320": OUR_MONEY,
        "1321": OUR_MONEY,
    },
    finishes={"network_error": FAILED, "sensitive": FILTERED, "model_context_window_exceeded": CONTEXT_FULL},
)
