"""What can go wrong with a turn, in our own words: one vocabulary for statuses, in-band events and records.

`vendors/refusals.py` translates vendors' words into these. The texts here reach clients: none contains a key, a host or
a URL.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

# The `type` of OpenAI's error object, by status. https://platform.openai.com/docs/guides/error-codes
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


# OpenAI's SDKs obey it whatever the status is; by themselves they would try again after 408, 409, 429 and 5xx.
_NO_RETRY = {"x-should-retry": "false"}


class Retry(enum.Enum):
    """What may be tried after a fault, as long as the client has received nothing."""

    SAME_ROUTE = "same route"
    NEXT_ROUTE = "next route"
    NEVER = "never"


class Fault(Exception):  # noqa: N818  # the name of the subject: faults are raised, sent and recorded
    """A turn could not be completed.

    `detail` and `quote` are for the operator's record only; `status` is used while no byte has been sent. `quote` is
    the provider's text, which may repeat the user's: treat it as text of the chat.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int,
        param: str | None = None,
        retry: Retry = Retry.NEVER,
        retry_after_s: float | None = None,
        detail: str = "",
        quote: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.param = param
        self.retry = retry
        self.retry_after_s = retry_after_s
        self.detail = detail
        self.quote = quote
        self.headers = headers or {}

    def tried(self) -> "Fault":
        """This fault, after we have tried what there was to try: an SDK's own tries would only multiply ours."""
        self.headers = {**self.headers, **_NO_RETRY}
        return self

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later; the app profile tells its client."""
        return self.status in (429, 500, 502, 503, 504)

    def as_openai(self) -> dict[str, Any]:
        """`{"error": {"message", "type", "code", "param"}}`"""
        error_type = _TYPES.get(self.status, "server_error")
        return {"error": {"message": self.message, "type": error_type, "code": self.code, "param": self.param}}

    def as_app(self) -> dict[str, Any]:
        """The payload of the app profile's `error` event."""
        return {"code": self.code, "message": self.message, "retryable": self.is_retryable}

    def as_json(self) -> bytes:
        return msgspec.json.encode(self.as_openai())


def invalid(message: str, *, param: str | None) -> Fault:
    return Fault("invalid_request", message, status=400, param=param)


def connect_failed(detail: str) -> Fault:
    return Fault(
        "upstream_connect_failed",
        "The provider could not be reached.",
        status=504,
        retry=Retry.SAME_ROUTE,
        detail=detail,
    )


def first_content_timeout(timeout_s: float) -> Fault:
    # Try the next route, not this one again: a second full wait for a silent provider helps nobody.
    message = f"The provider sent nothing for {timeout_s:g} s."
    return Fault("upstream_timeout", message, status=504, retry=Retry.NEXT_ROUTE)


def idle_timeout(timeout_s: float) -> Fault:
    message = f"The provider sent nothing for {timeout_s:g} s."
    return Fault("upstream_idle_timeout", message, status=504, retry=Retry.NEXT_ROUTE)


def total_timeout(timeout_s: float) -> Fault:
    return Fault("total_timeout", f"The answer took longer than {timeout_s:g} s.", status=504)


def truncated(detail: str) -> Fault:
    return Fault(
        "upstream_truncated",
        "The provider's answer broke off.",
        status=503,
        retry=Retry.SAME_ROUTE,
        detail=detail,
    )


def unreadable(detail: str) -> Fault:
    return Fault(
        "upstream_unreadable",
        "The provider's answer could not be understood.",
        status=503,
        retry=Retry.NEXT_ROUTE,
        detail=detail,
    )


def too_large(detail: str) -> Fault:
    message = "The provider's answer is larger than this server relays."
    return Fault("upstream_too_large", message, status=502, detail=detail)


def not_the_clients(fault: Fault) -> Fault:
    """The same fault of a request that the client has no part in: the next route may do better."""
    return Fault(
        "upstream_refused",
        "The provider refused our request.",
        status=502,
        retry=Retry.NEXT_ROUTE,
        detail=fault.detail,
        quote=fault.quote,
    )


def misconfigured(detail: str) -> Fault:
    """A route that cannot be asked: no key, an invalid base URL, or an unknown dialect."""
    message = "The model is not set up correctly on this server."
    return Fault("route_misconfigured", message, status=502, retry=Retry.NEXT_ROUTE, detail=detail)


def shutting_down() -> Fault:
    return Fault("server_shutdown", "The server is restarting. Try again.", status=503, retry_after_s=1)


def interrupted() -> Fault:
    return Fault("interrupted", "The server that wrote this answer has died. Ask again.", status=503)


def client_gone() -> Fault:
    return Fault("client_gone", "Nobody was reading the answer any more, so it was cancelled.", status=503)


def not_found() -> Fault:
    return Fault("not_found", "There is no such chat.", status=404, param="id")


def unknown_path(request_line: str, hint: str) -> Fault:
    message = f"There is nothing at {request_line[:200]}."
    return Fault("unknown_path", f"{message} {hint}" if hint else message, status=404)


def unknown_model(name: str) -> Fault:
    return Fault("model_not_found", f"The model {name[:100]!r} does not exist.", status=404, param="model")


def gone() -> Fault:
    return Fault("gone", "This answer's events are no longer kept. Ask for its state instead.", status=410)


def wrong_method(allowed: Sequence[str]) -> Fault:
    headers = {"Allow": ", ".join(allowed)}
    return Fault("method_not_allowed", f"Use {allowed[0]} here.", status=405, headers=headers)


def redis_unavailable() -> Fault:
    message = "Chats cannot be resumed or stopped right now. Try again in a few seconds."
    return Fault("log_unavailable", message, status=503, retry_after_s=1)


def database_unavailable() -> Fault:
    return Fault("unavailable", "The server's database cannot be reached. Try again.", status=503, retry_after_s=1)


def internal() -> Fault:
    return Fault("internal_error", "Something went wrong on our side.", status=500)
