"""What an error can mean for us, and the statuses and classes that have the same meaning for every vendor."""

import msgspec

from streaming.wire.faults import Retry


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets, and what may be tried before that.

    `code` and `message` are ours; "" stands for the vendor's. `may_quote`: the vendor's words may repeat what the user
    wrote, so that they are recorded only where chats are.
    """

    status: int
    retry: Retry
    code: str = ""
    message: str = ""
    may_quote: bool = True


BAD_REQUEST = Meaning(status=400, retry=Retry.NEVER)
# What SDKs look for: they shorten the history, or tell the user. Numbers of tokens, no words of the user.
TOO_LONG = Meaning(status=400, retry=Retry.NEVER, code="context_length_exceeded", may_quote=False)
TOO_LARGE = Meaning(status=413, retry=Retry.NEVER)
SENSITIVE = Meaning(status=400, retry=Retry.NEVER, code="content_filter")

# The client did nothing wrong, so never 401, 402 or 403; and what a vendor says about our account is not for it.
OUR_KEY = Meaning(
    status=502,
    retry=Retry.NEXT_ROUTE,
    code="upstream_refused",
    message="The provider refused our access.",
    may_quote=False,
)
OUR_MONEY = OUR_KEY  # arrears, a quota or plan that is used up, a locked account: nothing that a pause mends

NO_SUCH_MODEL = Meaning(
    status=404,
    retry=Retry.NEXT_ROUTE,
    code="model_not_found",
    message="The provider does not offer this model.",
)
TOO_MANY = Meaning(
    status=429,
    retry=Retry.SAME_ROUTE,
    code="rate_limit_exceeded",
    message="The provider takes no more requests right now. Try again in a moment.",
    may_quote=False,
)
OVERLOADED = Meaning(
    status=503,
    retry=Retry.SAME_ROUTE,
    code="upstream_unavailable",
    message="The provider is overloaded or failing. Try again.",
)
TIMED_OUT = Meaning(
    status=504,
    retry=Retry.SAME_ROUTE,
    code="upstream_timeout",
    message="The provider took too long.",
)

BY_STATUS = {
    400: BAD_REQUEST,
    401: OUR_KEY,
    402: OUR_MONEY,
    403: OUR_KEY,
    404: NO_SUCH_MODEL,
    408: TIMED_OUT,
    409: OVERLOADED,
    413: TOO_LARGE,
    422: Meaning(status=422, retry=Retry.NEVER),
    429: TOO_MANY,
    451: SENSITIVE,
    504: TIMED_OUT,
}

# Codes for a whole class of errors. A status says more (DeepSeek's 401 has the code "invalid_request_error"), so these
# count only if there is no status.
CLASSES = {
    "invalid_request_error": BAD_REQUEST,
    "badrequesterror": BAD_REQUEST,
    "invalid_argument": BAD_REQUEST,
    "authentication_error": OUR_KEY,
    "permission_error": OUR_KEY,
    "permission_denied": OUR_KEY,
    "access_denied": OUR_KEY,
    "unauthenticated": OUR_KEY,
    "unauthorized": OUR_KEY,
    "forbidden": OUR_KEY,
    "not_found_error": NO_SUCH_MODEL,
    "not_found": NO_SUCH_MODEL,
    "rate_limit_error": TOO_MANY,
    "too_many_requests": TOO_MANY,
    "resource_exhausted": TOO_MANY,
    "server_error": OVERLOADED,
    "api_error": OVERLOADED,
    "internal": OVERLOADED,
    "unavailable": OVERLOADED,
    "timeout_error": TIMED_OUT,
    "deadline_exceeded": TIMED_OUT,
}


def by_status(status: int) -> Meaning:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return Meaning(status=status, retry=Retry.NEVER) if 400 <= status < 500 else OVERLOADED
