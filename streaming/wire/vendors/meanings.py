"""What an error can mean for us, and the codes and statuses that have the same meaning for every vendor."""

import msgspec

from streaming.wire.faults import Retry


class Meaning(msgspec.Struct, frozen=True):
    """The status that the client gets, and what may be tried before that."""

    status: int
    retry: Retry


BAD_REQUEST = Meaning(400, Retry.NEVER)
OUR_KEY = Meaning(502, Retry.NEXT_ROUTE)  # the client did nothing wrong, so never 401 or 403
NO_SUCH_MODEL = Meaning(404, Retry.NEXT_ROUTE)
TOO_MANY = Meaning(429, Retry.SAME_ROUTE)
USED_UP = Meaning(429, Retry.NEXT_ROUTE)
OVERLOADED = Meaning(503, Retry.SAME_ROUTE)
TIMED_OUT = Meaning(504, Retry.SAME_ROUTE)

BY_STATUS = {
    400: BAD_REQUEST,
    401: OUR_KEY,
    402: USED_UP,
    403: OUR_KEY,
    404: NO_SUCH_MODEL,
    408: TIMED_OUT,
    409: OVERLOADED,
    413: Meaning(413, Retry.NEVER),
    422: Meaning(422, Retry.NEVER),
    429: TOO_MANY,
    504: TIMED_OUT,
}

# Codes for a whole class of errors. A status says more (DeepSeek's 401 has the code "invalid_request_error"), so these
# count only if there is no status.
CLASSES = {
    "invalid_request_error": BAD_REQUEST,
    "authentication_error": OUR_KEY,
    "permission_error": OUR_KEY,
    "not_found_error": NO_SUCH_MODEL,
    "rate_limit_error": TOO_MANY,
    "server_error": OVERLOADED,
    "overloaded_error": OVERLOADED,
}
