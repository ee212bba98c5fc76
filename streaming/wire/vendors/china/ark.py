"""Ark's error codes.

Reference: https://www.volcengine.com/docs/82379/1299023 (read 2026-11-25).
"""

from streaming.wire.vendors.meanings import BAD_REQUEST, NO_SUCH_MODEL, OUR_KEY, OVERLOADED, TOO_MANY, USED_UP
from streaming.wire.vendors.vendor import Vendor

# A code also covers its dotted extensions, such as `RateLimitExceeded.EndpointRPMExceeded`.
CODES = {
    "AuthenticationError": OUR_KEY,
    "InvalidAccountStatus": OUR_KEY,
    "InvalidSubscription": OUR_KEY,
    "AccountOverdueError": OUR_KEY,
    "AccessDenied": OUR_KEY,
    "OperationDenied": OUR_KEY,  # the service is not open, overdue, or not permitted to this account
    "InvalidEndpoint": NO_SUCH_MODEL,  # status 400 if the endpoint is closed: another route may be open
    "InvalidEndpointOrModel": NO_SUCH_MODEL,
    "ModelNotOpen": NO_SUCH_MODEL,
    "UnsupportedModel": NO_SUCH_MODEL,
    "MissingParameter": BAD_REQUEST,
    "InvalidParameter": BAD_REQUEST,
    "InvalidArgumentError": BAD_REQUEST,
    "InvalidImageURL": BAD_REQUEST,
    "SensitiveContentDetected": BAD_REQUEST,
    "InputTextSensitiveContentDetected": BAD_REQUEST,
    "InputImageSensitiveContentDetected": BAD_REQUEST,
    "InputVideoSensitiveContentDetected": BAD_REQUEST,
    "OutputTextSensitiveContentDetected": BAD_REQUEST,
    "OutputImageSensitiveContentDetected": BAD_REQUEST,
    "InputTextRiskDetection": BAD_REQUEST,
    "InputImageRiskDetection": BAD_REQUEST,
    "OutputTextRiskDetection": BAD_REQUEST,
    "OutputImageRiskDetection": BAD_REQUEST,
    "ContentSecurityDetectionError": OVERLOADED,  # status 400, but only the detection failed
    "RateLimitExceeded": TOO_MANY,
    "ModelAccountRpmRateLimitExceeded": TOO_MANY,
    "ModelAccountTpmRateLimitExceeded": TOO_MANY,
    "ModelAccountIpmRateLimitExceeded": TOO_MANY,
    "APIAccountRpmRateLimitExceeded": TOO_MANY,
    "AccountRateLimitExceeded": TOO_MANY,
    "InflightBatchsizeExceeded": TOO_MANY,
    "RequestBurstTooFast": TOO_MANY,
    "ServerOverloaded": OVERLOADED,
    "ModelLoadingError": OVERLOADED,
    "QuotaExceeded": USED_UP,
    "SetLimitExceeded": USED_UP,
    "InternalServiceError": OVERLOADED,
}

VENDOR = Vendor(
    label="Ark",
    hosts=("volces.com", "volcengineapi.com", "bytepluses.com", "byteplusapi.com"),
    names=("byteplus", "doubao", "volc", "volcengine"),
    codes=CODES,
)
