"""How to call Ocean Engine: its host, and the verdict in every answer."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from attribution.platforms.http import (
    Peer,
    PlatformRejected,
    PlatformUnauthorised,
    PlatformUnavailable,
    Reply,
    Timeouts,
)
from attribution.platforms.oceanengine import authentication

ACCEPTED = 0

# Limited to the size of the database column.
Code: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    code: Code
    message: str | None = ""


AnyVerdict = TypeVar("AnyVerdict", bound=Verdict)
verdicts = msgspec.json.Decoder(Verdict, strict=False)


def timeouts() -> Timeouts:
    return Timeouts(
        connect_s=settings.OCEANENGINE_CONNECT_TIMEOUT_S,
        read_s=settings.OCEANENGINE_READ_TIMEOUT_S,
        total_s=settings.OCEANENGINE_TOTAL_TIMEOUT_S,
        settings="OCEANENGINE_*_TIMEOUT_S",
    )


def exchange(
    path: str, body: bytes, decoder: msgspec.json.Decoder[AnyVerdict], *, warnings: Collection[int] = ()
) -> tuple[AnyVerdict, Reply]:
    """Call, and read the verdict: errors also come inside a 200. `warnings`: codes that mean accepted with a warning.

    Raises: `PlatformError`.
    """
    reply = _post(path, body)
    try:
        answer = decoder.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as err:
        raise PlatformUnavailable("the answer is not Ocean Engine's", reply, is_unknown=True) from err
    message = text(answer.message)
    said = f"code {answer.code}: {message}"
    reply = replace(reply, code=answer.code, message=message, warning=said if answer.code in warnings else "")
    if answer.code == ACCEPTED or reply.warning:
        return answer, reply
    if answer.code in settings.OCEANENGINE_TOKEN_CODES:
        raise PlatformUnauthorised(said, reply)
    if answer.code in settings.OCEANENGINE_RETRY_CODES:
        raise PlatformUnavailable(said, reply)
    raise PlatformRejected(said, reply, is_final=answer.code in settings.OCEANENGINE_FINAL_CODES)


def host() -> str:
    """The host that conversions are sent to, without its port."""
    return urlsplit(settings.OCEANENGINE_BASE_URL).hostname or ""


def encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def without_fragment(callback: str) -> str:
    """The callback without a fragment: a parameter cut out of a URL may still carry the URL's fragment."""
    return callback.partition("#")[0]


def text(value: str | None) -> str:
    """The text without NUL, which PostgreSQL refuses: a single name with NUL would fail a whole batch."""
    return (value or "").replace("\x00", "")[:255]


def _post(path: str, body: bytes) -> Reply:
    base = settings.OCEANENGINE_BASE_URL
    headers = (("Content-Type", "application/json"), *authentication.headers())
    signature = authentication.signature("POST", path, body)
    return Peer(origins=(base,), timeouts=timeouts()).post(base + path, body, headers=headers, signature=signature)
