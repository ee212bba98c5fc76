"""Alibaba Cloud Model Studio (DashScope, Bailian). Arrears are a 400, and a quota of tokens per minute a "quota".

Reference: https://help.aliyun.com/zh/model-studio/error-code (read 2026-12-01).
"""

from streaming.wire.vendors.meanings import (
    BAD_REQUEST,
    NO_SUCH_MODEL,
    OUR_KEY,
    OUR_MONEY,
    OVERLOADED,
    SENSITIVE,
    TIMED_OUT,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY,
)
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="DashScope",
    hosts=("aliyuncs.com",),
    names=("aliyun", "bailian", "qwen", "tongyi"),
    codes={
        "Arrearage": OUR_MONEY,
        "AllocationQuota": OUR_MONEY,  # AllocationQuota.FreeTierOnly: the free tokens are used up
        "CommodityNotPurchased": OUR_MONEY,
        "PrepaidBillOverdue": OUR_MONEY,
        "PostpaidBillOverdue": OUR_MONEY,
        "AccessDenied.Unpurchased": OUR_MONEY,
        "InvalidApiKey": OUR_KEY,
        "AccessDenied": OUR_KEY,
        "Model.AccessDenied": OUR_KEY,
        "App.AccessDenied": OUR_KEY,
        "Workspace.AccessDenied": OUR_KEY,
        "APIKeyNotFound": OUR_KEY,
        "Throttling": TOO_MANY,  # RateQuota, BurstRate, AllocationQuota
        "LimitRequests": TOO_MANY,
        "limit_burst_rate": TOO_MANY,
        "insufficient_quota": TOO_MANY,  # Throttling.AllocationQuota in OpenAI's format: tokens per minute
        "ModelNotFound": NO_SUCH_MODEL,
        "model_not_supported": NO_SUCH_MODEL,
        "InvalidParameter": BAD_REQUEST,
        "BadRequest": BAD_REQUEST,
        "InvalidParameter.DataInspection": BAD_REQUEST,  # a file that could not be inspected
        "DataInspectionFailed": SENSITIVE,
        "FaqRuleBlocked": SENSITIVE,
        "BadRequest.TooLarge": TOO_LARGE,
        "RequestTimeOut": TIMED_OUT,
        "ResponseTimeout": TIMED_OUT,
        "ModelServingError": OVERLOADED,
        "ModelUnavailable": OVERLOADED,
        "ServiceUnavailable": OVERLOADED,
        "SystemError": OVERLOADED,
        "InternalError": OVERLOADED,
    },
    wordings=[(r"\brange of input length should be\b|\binput length should be\b", TOO_LONG)],
)
