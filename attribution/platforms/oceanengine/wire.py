"""Ocean Engine (巨量引擎): its words, its two endpoints, its errors. Nothing else in the project knows them.

    OceanEngineError
    ├── OceanEngineUnavailable   no verdict: try again
    └── OceanEngineRejected      a verdict: never again

Reference: 巨量广告转化融合归因优化方案接入手册 V2.0, https://bytedance.larkoffice.com/docx/CgYBdVzoBogND2xv7PhcSfFNnyc
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Annotated, Any, TypeAlias

import msgspec
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from attribution.devices.device_ids import is_absent

ATTRIBUTION_PATH = "/sdk/app/attribution/"
CONVERSION_PATH = "/api/v2/conversion"

# Our events in the vendor's words. They are the same today; a new one gets a line here.
EVENT_TYPES = {
    "active": "active",
    "active_register": "active_register",
    "active_pay": "active_pay",
    "next_day_open": "next_day_open",
    "game_addiction": "game_addiction",
}
# The numbers that the vendor's older conversion API has for them; apps may still send these to us.
EVENT_NUMBERS = {0: "active", 1: "active_register", 2: "active_pay", 6: "next_day_open", 25: "game_addiction"}
OS_NUMBERS = {0: "android", 1: "ios"}
# The one id that each platform's query and report cannot do without.
DEVICE_ID_FIELDS = {"android": "android_id", "ios": "idfv"}

ACCEPTED = 0
# One SDK of the vendor takes it as "not an error" and does not say why: kept as its own outcome, never sent again.
ACCEPTED_WITH_WARNING = 128

MATCHED_BY_CLICK = 0

RETRYABLE_STATUSES = {408, 425, 429} | set(range(500, 600))
TOO_MANY_REQUESTS = 429
MAX_RESPONSE_BYTES = 64 * 1024
MAX_ID = 2**63 - 1
# The years 2010 to 2100, as seconds since 1970: what else stands for a time is none, or in another unit.
SINCE_S, UNTIL_S = 1_262_304_000, 4_102_444_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, as far as it came. `http_status` None: nothing did."""

    http_status: int | None = None
    body: bytes = b""
    code: int | None = None
    message: str = ""
    duration_ms: int = 0


class OceanEngineError(Exception):
    """A request that did not succeed; `reply` is what came back."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class OceanEngineUnavailable(OceanEngineError):  # noqa: N818  # named by what it means to the caller
    """No verdict; try again with the identical body.

    `is_unknown`: the request may have been processed. `is_throttled`: it was not, and we asked too much; this says
    nothing about the destination's health. `retry_after_s`: what the answer asked for, if it did.
    """

    def __init__(
        self,
        message: str,
        reply: Reply,
        *,
        is_unknown: bool = False,
        is_throttled: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, reply)
        self.is_unknown = is_unknown
        self.is_throttled = is_throttled
        self.retry_after_s = retry_after_s


class OceanEngineRejected(OceanEngineError):  # noqa: N818  # the same
    """The platform said no; `reply` has its code and message."""


# Of the size that is stored.
Code: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class AdAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which ad brought a device. Old-structure accounts fill aid and cid, upgraded ones project and promotion."""

    code: Code
    message: str | None = ""
    callback_param: str | None = ""
    advertiser_id: int | None = 0
    project_id: int | None = 0
    project_name: str | None = ""
    promotion_id: int | None = 0
    promotion_name: str | None = ""
    campaign_id: int | None = 0
    campaign_name: str | None = ""
    aid: int | None = 0
    aid_name: str | None = ""
    cid: int | None = 0
    cid_name: str | None = ""
    active_time: int | None = 0
    last_touch_time: int | None = 0

    @property
    def is_attributed(self) -> bool:
        """Code 0 alone does not say so: the answer for an organic user has it too."""
        return bool(self.callback)

    @property
    def callback(self) -> str:
        """What a report of this device's events needs; empty where nothing could be reported with it."""
        callback = without_fragment(self.callback_param or "")
        return "" if "\x00" in callback or is_absent(callback) else callback

    @property
    def ad(self) -> dict[str, Any]:
        """The ad's ids and names by our field names: 0 and what 64 bits can't hold are None."""
        ids = ("advertiser_id", "project_id", "promotion_id", "campaign_id", "aid", "cid")
        names = ("project_name", "promotion_name", "campaign_name", "aid_name", "cid_name")
        return {name: _id(getattr(self, name)) for name in ids} | {name: _text(getattr(self, name)) for name in names}

    @property
    def touched_at(self) -> datetime | None:
        return _moment(self.last_touch_time)

    @property
    def activated_at(self) -> datetime | None:
        return _moment(self.active_time)


class ConversionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: Code
    message: str | None = ""


_ad_decoder = msgspec.json.Decoder(AdAnswer, strict=False)
_conversion_decoder = msgspec.json.Decoder(ConversionAnswer, strict=False)


def attribution_body(*, os: str, device_id: str, package: str, activated_at: datetime) -> bytes:
    """The attribution query for a device, by its raw android id or IDFV."""
    return _encode(
        {
            "platform": os,
            DEVICE_ID_FIELDS[os]: device_id,
            "package_name": package,
            "customer_active_time": str(_milliseconds(activated_at)),
        }
    )


def conversion_body(
    *,
    event: str,
    os: str,
    device: Mapping[str, str],
    callback_param: str,
    occurred_at: datetime,
    outer_event_id: str,
    amount_fen: int | None = None,
) -> bytes:
    """The report of one event. `device` has raw ids by our field names; it must hold the platform's own id."""
    properties = {"pay_amount": amount_fen, "order_id": outer_event_id} if amount_fen is not None else {}
    return _encode(
        {
            "event_type": EVENT_TYPES[event],
            "context": {
                "ad": {"callback": without_fragment(callback_param), "match_type": MATCHED_BY_CLICK},
                "device": {"platform": os, **_reported_device(os, device)},
            },
            "properties": properties,
            "outer_event_id": outer_event_id,
            "timestamp": _milliseconds(occurred_at),
        }
    )


# Reference: section "归因查询"; POST, JSON, no authentication of its own
def ask_attribution(body: bytes) -> tuple[AdAnswer, Reply]:
    """Ask which ad brought a device. Raises: `OceanEngineError`."""
    return _answer(_ad_decoder, _post(ATTRIBUTION_PATH, body))


# Reference: section "转化回传"; POST, JSON
def report_conversion(body: bytes) -> Reply:
    """Report what a user did; the code is `ACCEPTED` or `ACCEPTED_WITH_WARNING`. Raises: `OceanEngineError`."""
    _verdict, reply = _answer(_conversion_decoder, _post(CONVERSION_PATH, body), also_accepted=ACCEPTED_WITH_WARNING)
    return reply


def _reported_device(os: str, device: Mapping[str, str]) -> dict[str, str]:
    """The device's ids in the vendor's forms: IMEI as its md5, all others raw."""
    reported = {name: device[name] for name in ("android_id", "idfv", "oaid", "idfa") if device.get(name)}
    if device.get("imei"):
        reported["imei"] = _md5(device["imei"])
    other = DEVICE_ID_FIELDS["ios" if os == "android" else "android"]
    reported.pop(other, None)
    return reported


def _md5(value: str) -> str:
    """An IMEI may come hashed already: 32 hexadecimal digits, where the raw one has 15 decimal ones."""
    if len(value) == 32:
        return value.lower()
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def _encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def without_fragment(callback: str) -> str:
    """A parameter cut out of a URL may drag the URL's fragment along."""
    return callback.partition("#")[0]


def _moment(seconds: int | None) -> datetime | None:
    """The answer's times are seconds, by their size. One that can't be true would put all events past their window."""
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds and SINCE_S <= seconds < UNTIL_S else None


def _id(value: int | None) -> int | None:
    return value if value and 0 < value <= MAX_ID else None


def _text(value: str | None) -> str:
    """PostgreSQL refuses NUL; a name that holds one would take a whole batch down."""
    return (value or "").replace("\x00", "")[:255]


def _answer(decoder: msgspec.json.Decoder[Any], reply: Reply, *, also_accepted: int = ACCEPTED) -> tuple[Any, Reply]:
    """The decoded answer, and the reply with its code and message. Errors come inside a 200, too."""
    try:
        answer = decoder.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as err:
        raise OceanEngineUnavailable("the answer is not Ocean Engine's", reply, is_unknown=True) from err
    message = _text(answer.message)
    reply = replace(reply, code=answer.code, message=message)
    if answer.code in (ACCEPTED, also_accepted):
        return answer, reply
    if answer.code in settings.OCEANENGINE_RETRY_CODES:
        raise OceanEngineUnavailable(f"code {answer.code}: {message}", reply)
    raise OceanEngineRejected(f"code {answer.code}: {message}", reply)


def _post(path: str, body: bytes) -> Reply:
    """One request on a pooled connection. Raises: `OceanEngineError` for every status but 2xx."""
    request = _prepared(settings.OCEANENGINE_BASE_URL + path, settings.OCEANENGINE_ACCESS_TOKEN).copy()
    request.body = body
    request.headers["Content-Length"] = str(len(body))
    if settings.OCEANENGINE_SIGNATURE_SECRET:
        signed = body + settings.OCEANENGINE_SIGNATURE_SECRET.encode()
        request.headers["x-signature"] = hashlib.sha256(signed).hexdigest()
    started = time.monotonic()
    try:
        response = _session().send(
            request,
            # A redirect would carry device ids to a host that nobody configured.
            allow_redirects=False,
            stream=True,
            timeout=(settings.OCEANENGINE_CONNECT_TIMEOUT_S, settings.OCEANENGINE_READ_TIMEOUT_S),
        )
        content = _read(response, give_up_at=started + settings.OCEANENGINE_TOTAL_TIMEOUT_S)
    except (requests.RequestException, HTTPError) as err:
        reply = Reply(duration_ms=_ms_since(started))
        raise OceanEngineUnavailable(_without_address(err), reply, is_unknown=not _never_left(err)) from err
    reply = Reply(http_status=response.status_code, body=content, duration_ms=_ms_since(started))
    _raise_for_status(reply, response.headers)
    return reply


@cache
def _prepared(url: str, access_token: str) -> requests.PreparedRequest:
    """All of a request that is the same each time: preparing it anew costs half as much as sending it."""
    headers = {"Content-Type": "application/json", "User-Agent": "rivermouth"}
    if access_token:
        headers["App-Access-Token"] = access_token
    return _session().prepare_request(requests.Request("POST", url, headers=headers))


@cache
def _session() -> requests.Session:
    """One per process. No cookies are kept, and the environment's proxies and .netrc are not read."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=settings.CONVERSION_CONCURRENCY)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _read(response: requests.Response, *, give_up_at: float) -> bytes:
    """At most `MAX_RESPONSE_BYTES`: a longer answer is cut, and its connection closed."""
    content = b""
    while len(content) < MAX_RESPONSE_BYTES:
        piece = response.raw.read1(MAX_RESPONSE_BYTES - len(content), decode_content=True)
        if not piece:
            return content
        content += piece
        if time.monotonic() > give_up_at:  # each read has its own timeout: a dripping answer would pass them all
            response.close()
            raise requests.ReadTimeout("the answer took too long")
    response.close()
    return content


def _raise_for_status(reply: Reply, headers: Mapping[str, str]) -> None:
    status = reply.http_status or 0
    if 200 <= status < 300:
        return
    if 400 <= status < 500 and status not in RETRYABLE_STATUSES:
        raise OceanEngineRejected(f"HTTP {status}", reply)
    raise OceanEngineUnavailable(
        f"HTTP {status}",
        reply,
        is_throttled=status == TOO_MANY_REQUESTS,
        retry_after_s=_retry_after_s(headers.get("Retry-After", "")),
    )


def _retry_after_s(value: str) -> float | None:
    """Seconds or an HTTP date; None for everything else."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return (parsedate_to_datetime(value) - datetime.now(tz=UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _never_left(err: Exception) -> bool:
    """Whether the request surely was not sent: there was no connection to send it on."""
    if isinstance(err, requests.ConnectTimeout):
        return True
    cause = getattr(err.args[0], "reason", None) if err.args else None
    return isinstance(cause, NewConnectionError | NameResolutionError)


def _without_address(err: Exception) -> str:
    """The kind of failure in a word: the library's text is full of object ids and differs each time."""
    return type(err).__name__


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
