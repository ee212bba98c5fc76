"""Blanks out what no client may read in a provider's words: keys, tokens and addresses, which vendors like to quote."""

import re
from collections.abc import Iterable

from streaming.wire.faults import Fault

_HIDDEN = "[hidden]"
_SECRET = re.compile(
    r"https?://\S+|\b(?:sk|ak|ark|rm)[-_][\w-]{8,}|Bearer\s+\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)


def redacted(fault: Fault, secrets: Iterable[str]) -> Fault:
    """The fault without these texts, and without anything else that looks like a key or an address."""
    secrets = list(secrets)
    return Fault(
        without_secrets(fault.code, secrets),
        without_secrets(fault.message, secrets),
        status=fault.status,
        param=fault.param and without_secrets(fault.param, secrets),
        retry=fault.retry,
        retry_after_s=fault.retry_after_s,
        detail=without_secrets(fault.detail, secrets),
        quote=without_secrets(fault.quote, secrets),
        headers=fault.headers,
    )


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _SECRET.sub(_HIDDEN, text)
