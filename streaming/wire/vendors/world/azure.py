"""Azure OpenAI (Microsoft Foundry). Codes are often the status as a text.

Reference: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/content-filters and …/quotas-limits
(read 2026-12-01).
"""

from streaming.wire.vendors.meanings import NO_SUCH_MODEL, OUR_KEY, OUR_MONEY, OVERLOADED, SENSITIVE, TOO_MANY
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Azure OpenAI",
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication (as collected in 2026)
    key_header="api-key",
    codes={
        "RateLimitReached": TOO_MANY,
        "TooManyRequests": TOO_MANY,
        "NoCapacity": OVERLOADED,
        "ServiceUnavailable": OVERLOADED,
        "AccessDenied": OUR_KEY,
        "AuthenticationTypeDisabled": OUR_KEY,
        "InvalidAuthenticationToken": OUR_KEY,
        "PermissionDenied": OUR_KEY,
        "SubscriptionDisabled": OUR_MONEY,
        "SubscriptionNotFound": OUR_MONEY,
        "QuotaExceeded": OUR_MONEY,
        "DeploymentNotFound": NO_SUCH_MODEL,
        "ResourceNotFound": NO_SUCH_MODEL,
        "OperationNotSupported": NO_SUCH_MODEL,
        "unknown_model": NO_SUCH_MODEL,
        "unavailable_model": NO_SUCH_MODEL,
        "ResponsibleAIPolicyViolation": SENSITIVE,
        "content_filter": SENSITIVE,
    },
    wordings=[
        (r"\bexceeded (the )?(call|token) rate limit\b", TOO_MANY),
        (r"\bresource has been temporarily blocked\b", OUR_KEY),
        (r"\bthe response was filtered\b", SENSITIVE),
    ],
)
