"""Volcano Engine Ark.

Reference: https://www.volcengine.com/docs/82379/1299023 (read 2026-11-25; again 2026-12-01).
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
    label="Ark",
    hosts=("volces.com", "volcengineapi.com", "bytepluses.com", "byteplusapi.com"),
    names=("byteplus", "doubao", "volc", "volcengine"),
    codes={
        "AuthenticationError": OUR_KEY,
        "InvalidAccountStatus": OUR_KEY,
        "AccessDenied": OUR_KEY,
        "OperationDenied": OUR_KEY,  # the service is not open, overdue, or not permitted to this account
        "InvalidSubscription": OUR_MONEY,
        "AccountOverdueError": OUR_MONEY,
        "QuotaExceeded": OUR_MONEY,  # of a free trial, a plan, or tasks that wait in a queue
        "SetLimitExceeded": OUR_MONEY,  # the pause for safety that the account's owner has set
        "AccountQuotaExceeded": OUR_MONEY,
        "InvalidEndpoint": NO_SUCH_MODEL,  # status 400 if the endpoint is closed: another route may be open
        "InvalidEndpointOrModel": NO_SUCH_MODEL,
        "ModelNotOpen": NO_SUCH_MODEL,
        "UnsupportedModel": NO_SUCH_MODEL,
        "MissingParameter": BAD_REQUEST,
        "InvalidParameter": BAD_REQUEST,
        "InvalidArgumentError": BAD_REQUEST,
        "InvalidImageURL": BAD_REQUEST,
        "OutofContextError": TOO_LONG,
        "SensitiveContentDetected": SENSITIVE,
        "*SensitiveContentDetected*": SENSITIVE,  # Input… and Output… of Text, Image, Video, Audio
        "*RiskDetection*": SENSITIVE,
        "ContentSecurityDetectionError": OVERLOADED,  # status 400, but only the detection failed
        "RateLimitExceeded": TOO_MANY,
        "ModelAccountRpmRateLimitExceeded": TOO_MANY,
        "ModelAccountTpmRateLimitExceeded": TOO_MANY,
        "ModelAccountIpmRateLimitExceeded": TOO_MANY,
        "APIAccountRpmRateLimitExceeded": TOO_MANY,
        "AccountRateLimitExceeded": TOO_MANY,
        "*RateLimitExceeded*": TOO_MANY,
        "InflightBatchsizeExceeded": TOO_MANY,
        "RequestBurstTooFast": TOO_MANY,
        "ServerOverloaded": OVERLOADED,
        "ModelLoadingError": OVERLOADED,
        "InternalServiceError": OVERLOADED,
    },
    wordings=[(r"\btotal tokens of image and text exceed\b", TOO_LONG)],
)
