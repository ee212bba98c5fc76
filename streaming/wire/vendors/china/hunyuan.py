"""Tencent Hunyuan and LKEAP. Codes are those of Tencent Cloud's API; the compatible endpoint also sends numbers.

Reference: https://cloud.tencent.com/document/product/1729/111007 and the error codes of its SDK
(https://github.com/TencentCloud/tencentcloud-sdk-go, hunyuan/v20230901/errors.go; read 2026-12-01).
"""

from streaming.wire.vendors.finishes import FILTERED
from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    SENSITIVE,
    TIMED_OUT,
    TOO_MANY,
)
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Hunyuan",
    hosts=("hunyuan.cloud.tencent.com", "lkeap.cloud.tencent.com", "tencentcloudapi.com"),
    names=("lkeap", "tencent"),
    codes={
        "FailedOperation.FreeResourcePackExhausted": OUR_MONEY,
        "FailedOperation.ResourcePackExhausted": OUR_MONEY,
        "FailedOperation.ServiceStopArrears": OUR_MONEY,
        "FailedOperation.ServiceStop": OUR_MONEY,
        "FailedOperation.ServiceNotActivated": OUR_MONEY,
        "FailedOperation.PartnerAccountUnSupport": OUR_KEY,
        "FailedOperation.UserUnAuthError": OUR_KEY,
        "ResourceInsufficient": OUR_MONEY,  # ResourceInsufficient.ChargeResourceExhaust
        "ResourceUnavailable.InArrears": OUR_MONEY,
        "ResourceUnavailable.LowBalance": OUR_MONEY,
        "ResourceUnavailable.NotExist": OUR_MONEY,
        "AuthFailure": OUR_KEY,
        "UnauthorizedOperation": OUR_KEY,
        "UnsupportedOperation.NonWhitelistAccount": OUR_KEY,
        "FailedOperation.EngineServerLimitExceeded": TOO_MANY,
        "LimitExceeded": TOO_MANY,
        "RequestLimitExceeded": TOO_MANY,
        "InvalidParameterValue.Model": NO_SUCH_MODEL,
        "InvalidParameter": BAD_REQUEST,
        "InvalidParameterValue": BAD_REQUEST,
        "MissingParameter": BAD_REQUEST,
        "OperationDenied": SENSITIVE,  # TextIllegalDetected, ImageIllegalDetected
        "FailedOperation.SensitiveContent": SENSITIVE,
        "FailedOperation.EngineRequestTimeout": TIMED_OUT,
        "FailedOperation.EngineServerError": OVERLOADED,
        "FailedOperation.ConsoleServerError": OVERLOADED,
        "FailedOperation": OVERLOADED,
        "InternalError": OVERLOADED,
    },
    finishes={"sensitive": FILTERED},
)
