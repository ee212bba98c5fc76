"""Turns a vendor's error into a fault: by the vendor's codes, else by what it says, else by its class or its status.

The class of an error beats its status: arrears are a 400 at DashScope, a 429 at Zhipu, a 402 at DeepSeek and a 200 at
MiniMax, and mean the same.
"""

import math
import re

from streaming.wire.faults import Fault
from streaming.wire.vendors import general
from streaming.wire.vendors.bodies import VendorError, is_status
from streaming.wire.vendors.finishes import Finish
from streaming.wire.vendors.meanings import BAD_REQUEST, CLASSES, SENSITIVE, TOO_LONG, Meaning, by_status
from streaming.wire.vendors.vendor import Vendor

_CODE = re.compile(r"[\w.:/-]{1,100}", re.ASCII)
_REFUSED = "The provider refused the request."
_DEFAULTS = {
    TOO_LONG.code: "The request is longer than the model's context.",
    SENSITIVE.code: "The provider refused this content.",
}
# What a status can't be about, whatever the text says: a 429 of "tokens per minute" is no question that is too long.
_UNLIKELY = {429: (TOO_LONG,)}


class Reported(Fault):
    """An error in a vendor's words, judged as if nothing were known of the vendor: a dialect is spoken by many."""

    def __init__(self, error: VendorError, *, status: int | None, retry_after: bytes | None = None) -> None:
        told = fault_of(error, general.VENDOR, status=status, retry_after=retry_after)
        super().__init__(
            told.code,
            told.message,
            status=told.status,
            param=told.param,
            retry=told.retry,
            retry_after_s=told.retry_after_s,
            detail=told.detail,
            quote=told.quote,
        )
        self._error, self._status, self._retry_after = error, status, retry_after

    def by(self, vendor: Vendor) -> Fault:
        """The fault that it is at this vendor."""
        return fault_of(self._error, vendor, status=self._status, retry_after=self._retry_after)


def fault_of(error: VendorError, vendor: Vendor, *, status: int | None, retry_after: bytes | None = None) -> Fault:
    """The fault for this error. `status` is the answer's; None for an error inside a 200.

    Its texts come from the vendor: they must be redacted before a client, or the record, gets them.
    """
    meaning = _meaning(error, vendor, status)
    return fault_by(
        meaning,
        _code_of(error),
        "" if error.is_page or error.is_raw else error.message,
        detail=f"{status or 200} {_code_of(error)}",
        words=error.message,
        param=error.param,
        retry_after_s=_seconds(retry_after),
    )


def finish_of(reason: str, vendor: Vendor, *, has_content: bool) -> str:
    """The finish reason for clients. `has_content`: whether anything has been delivered.

    Raises: Fault, if the reason means that the provider has failed.
    """
    finish = _finish(reason, vendor)
    if finish is None:
        return reason
    meaning = finish.fault_after(has_content=has_content)
    if meaning is None:
        return finish.reason
    raise fault_by(meaning, "upstream_error", "", detail=f"finish_reason {reason[:64]}")


def is_usual(reason: str, vendor: Vendor) -> bool:
    """Whether a finish reason is what it says."""
    return _finish(reason, vendor) is None


def _finish(reason: str, vendor: Vendor) -> Finish | None:
    return vendor.finish(reason) or general.VENDOR.finish(reason)


def fault_by(
    meaning: Meaning,
    code: str,
    message: str,
    *,
    detail: str,
    words: str = "",
    param: str | None = None,
    retry_after_s: float | None = None,
) -> Fault:
    """The fault with this meaning; `code`, `message` and `param` are the vendor's, where the meaning has none."""
    is_ours = bool(meaning.message)
    return Fault(
        meaning.code or code,
        meaning.message or message or _DEFAULTS.get(meaning.code, _REFUSED),
        status=meaning.status,
        param=None if is_ours else param,
        retry=meaning.retry,
        retry_after_s=retry_after_s,
        detail=detail if meaning.may_quote or not words else f"{detail}: {words}",
        quote=words if meaning.may_quote else "",
    )


def _meaning(error: VendorError, vendor: Vendor, status: int | None) -> Meaning:
    told = _of_codes(error, vendor)
    if told is not None and told is not BAD_REQUEST:
        return told
    # "Invalid parameter" may be a prompt that is too long, or (Anthropic) credit that is used up: the text says more.
    return _of_text(error, vendor, status) or told or _of_class_or_status(error, vendor, status)


def _of_codes(error: VendorError, vendor: Vendor) -> Meaning | None:
    told = (table.meaning_of_code(word) for word in error.words for table in (vendor, general.VENDOR))
    known = [meaning for meaning in told if meaning is not None]
    return next((meaning for meaning in known if meaning is not BAD_REQUEST), known[0] if known else None)


def _of_text(error: VendorError, vendor: Vendor, status: int | None) -> Meaning | None:
    if error.is_page:  # "You have been blocked by our security service" is Cloudflare's, about us
        return None
    for table in (vendor, general.VENDOR):
        meaning = table.meaning_of_text(error.message)
        if meaning is not None and meaning not in _UNLIKELY.get(status or 200, ()):
            return meaning
    return None


def _of_class_or_status(error: VendorError, vendor: Vendor, status: int | None) -> Meaning:
    """A class, or a status in the place of a code, says more than a 200, 400 or 5xx of a gateway around it."""
    if status is None or status == 400 or status >= 500:
        told = next((CLASSES[word.casefold()] for word in error.words if word.casefold() in CLASSES), None)
        if told is not None and (status is None or told is not BAD_REQUEST):
            return told
        inner = next((int(word) for word in error.words if is_status(word)), None)
        status = inner or status or 500
    return vendor.statuses.get(status) or by_status(status)


def _code_of(error: VendorError) -> str:
    """The vendor's code, if it looks like one: a sentence in its place may quote the user."""
    return error.code if _CODE.fullmatch(error.code) else "upstream_error"


def _seconds(header: bytes | None) -> float | None:
    """A Retry-After in seconds, or None; its date form is rare, and our own back-off does as well."""
    try:
        seconds = float(header) if header else math.nan
    except ValueError:
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
