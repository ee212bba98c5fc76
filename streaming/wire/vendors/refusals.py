"""Turns a vendor's error, of whatever shape, into a fault: by the vendor's table, else by its class or its status."""

import math
import re
from collections.abc import Mapping

import msgspec

from streaming.wire.faults import Fault, Retry
from streaming.wire.vendors.meanings import BY_STATUS, CLASSES, OVERLOADED, Meaning

Codes = Mapping[str, Meaning]

_OUR_TEXTS = {
    404: ("model_not_found", "The provider does not offer this model."),
    502: ("upstream_refused", "The provider refused our access."),
    503: ("upstream_unavailable", "The provider is overloaded or failing. Try again."),
    504: ("upstream_timeout", "The provider took too long."),
}
_CODE = re.compile(r"[\w.:/-]{1,100}", re.ASCII)


class VendorError(msgspec.Struct):
    """An error object; vendors send numbers, texts or nothing in each member."""

    code: str | int | None = None
    message: str | None = None
    type: str | int | None = None
    param: str | None = None


class _Frame(msgspec.Struct):
    error: VendorError | str | None = None
    code: str | int | None = None
    message: str | None = None


def read(body: bytes) -> VendorError:
    """The error in `{"error": {…}}`, `{"error": "…"}`, `{"code": …, "message": …}`, or in a body that is not JSON."""
    try:
        frame = msgspec.json.decode(body, type=_Frame, strict=False)
    except (ValueError, RecursionError):  # a proxy's HTML, or nothing
        return VendorError(message=body[:500].decode(errors="replace"))
    if isinstance(frame.error, VendorError):
        return frame.error
    return VendorError(code=frame.code, message=frame.error or frame.message)


def fault_of(error: VendorError, codes: Codes, *, status: int | None, retry_after: bytes | None = None) -> Fault:
    """The fault for this error. `status` is the answer's; None for an error inside a 200.

    Its texts come from the vendor: they must be redacted before a client, or the record, gets them.
    """
    meaning = _meaning(error, codes, status)
    code, message = _OUR_TEXTS.get(
        meaning.status,
        (_code_of(error), error.message or "The provider refused the request."),
    )
    return Fault(
        code,
        message,
        status=meaning.status,
        param=error.param,
        retry=meaning.retry,
        retry_after_s=_seconds(retry_after),
        detail=f"{status or 200} {_code_of(error)}",
        quote=error.message or "",
    )


def _meaning(error: VendorError, codes: Codes, status: int | None) -> Meaning:
    known = codes if status is not None else {**CLASSES, **codes}
    for word in (error.code, error.type):
        meaning = known.get(str(word).partition(".")[0])
        if meaning is not None:
            return meaning
    if status is None:  # inside a 200, some vendors put the status into the code
        status = error.code if isinstance(error.code, int) else 500
    if status in BY_STATUS:
        return BY_STATUS[status]
    return Meaning(status, Retry.NEVER) if 400 <= status < 500 else OVERLOADED


def _code_of(error: VendorError) -> str:
    """The vendor's code, if it looks like one: a sentence in its place may quote the user."""
    word = str(error.code or error.type or "")
    return word if _CODE.fullmatch(word) else "upstream_error"


def _seconds(header: bytes | None) -> float | None:
    """A Retry-After in seconds, or None; its date form is rare, and our own back-off does as well."""
    try:
        seconds = float(header) if header else math.nan
    except ValueError:
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
