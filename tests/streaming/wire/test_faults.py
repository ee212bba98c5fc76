"""Our error texts: none may tell a client about keys, hosts or providers' answers."""

import pytest

from streaming.wire import faults
from streaming.wire.faults import Fault, Retry

DETAIL = "10.0.0.7:443 said: key sk-123456789"

# Fault → (status, code, may a client try again, what we try before)
FAULTS = {
    "invalid": (faults.invalid("m", param="p"), 400, "invalid_request", False, Retry.NEVER),
    "connect_failed": (faults.connect_failed(DETAIL), 504, "upstream_connect_failed", True, Retry.SAME_ROUTE),
    "first_content_timeout": (faults.first_content_timeout(30), 504, "upstream_timeout", True, Retry.NEXT_ROUTE),
    "idle_timeout": (faults.idle_timeout(60), 504, "upstream_idle_timeout", True, Retry.NEXT_ROUTE),
    "total_timeout": (faults.total_timeout(600), 504, "total_timeout", True, Retry.NEVER),
    "truncated": (faults.truncated(DETAIL), 503, "upstream_truncated", True, Retry.SAME_ROUTE),
    "unreadable": (faults.unreadable(DETAIL), 503, "upstream_unreadable", True, Retry.NEXT_ROUTE),
    "too_large": (faults.too_large(DETAIL), 502, "upstream_too_large", True, Retry.NEVER),
    "misconfigured": (faults.misconfigured(DETAIL), 502, "route_misconfigured", True, Retry.NEXT_ROUTE),
    "shutting_down": (faults.shutting_down(), 503, "server_shutdown", True, Retry.NEVER),
    "internal": (faults.internal(), 500, "internal_error", True, Retry.NEVER),
}


@pytest.mark.parametrize(("fault", "status", "code", "is_retryable", "retry"), FAULTS.values(), ids=FAULTS)
def test_fault_says(fault: Fault, status: int, code: str, is_retryable: bool, retry: Retry) -> None:
    assert (fault.status, fault.code, fault.is_retryable, fault.retry) == (status, code, is_retryable, retry)


@pytest.mark.parametrize("fault", [row[0] for row in FAULTS.values()], ids=FAULTS)
def test_detail_never_reaches_the_client(fault: Fault) -> None:
    told = fault.as_json().decode()

    assert fault.message in told
    assert [word in told for word in ("10.0.0.7", "sk-123456789")] == [False, False]


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (413, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (504, "server_error"),
    ],
)
def test_error_object_is_openais(status: int, error_type: str) -> None:
    fault = Fault("some_code", "Some text.", status=status, param="model")

    assert fault.as_json() == (
        b'{"error":{"message":"Some text.","type":"%b","code":"some_code","param":"model"}}' % error_type.encode()
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_clients_mistake_is_not_retryable(status: int) -> None:
    assert not Fault("c", "m", status=status).is_retryable
