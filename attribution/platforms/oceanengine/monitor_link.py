"""Monitor links (监测链接): the address that Ocean Engine calls on every effective click, and what its query says.

Our link names every parameter after its macro in lower case; links that were written by hand for other systems use
other names, so the usual ones are understood as well. Whatever comes in gives a click: what can't be understood is left
out and named in `oddities`.

Macros as in 巨量引擎 监测链接 (collected from public SDKs and copies of the vendor's pages, 2026).
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, unquote_plus

from attribution.devices import device_ids
from attribution.models import App, Click

MACROS = [
    *("advertiser_id", "project_id", "project_name", "promotion_id", "promotion_name"),
    *("campaign_id", "campaign_name", "aid", "aid_name", "cid", "cid_name"),
    *("os", "oaid", "oaid_md5", "androidid", "imei", "idfa", "idfa_md5", "caid", "mac", "ip", "ipv6", "ua", "model"),
    *("ts", "request_id", "track_id", "callback_param", "callback_url"),
    *("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6"),
]
ALIASES = {
    "account_id": "advertiser_id",
    "adid": "aid",
    "ad_id": "aid",
    "android_id": "androidid",
    "android_id_md5": "androidid",
    "androidid_md5": "androidid",
    "callback": "callback_param",
    "caids": "caid",
    "device_model": "model",
    "imei_md5": "imei",
    "req_id": "request_id",
    "timestamp": "ts",
    "user_agent": "ua",
    "useragent": "ua",
}
NAMES = {**{name: name for name in MACROS}, **ALIASES}
ANDROID = "0"  # elsewhere a zero means absent
OS_WORDS = {
    ANDROID: "android",
    "1": "ios",
    "2": "harmonyos",
    "3": "other",
    **{word: word for word in ("android", "ios", "harmonyos", "other")},
}
AD_ID_FIELDS = ("advertiser_id", "project_id", "promotion_id", "campaign_id", "aid", "cid")
AD_NAME_FIELDS = ("project_name", "promotion_name", "campaign_name", "aid_name", "cid_name")
MATERIAL_FIELDS = ("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6")

MAX_ID = 2**63 - 1
MAX_NAME_LENGTH = 255
MAX_KEY_LENGTH = 128
MAX_CALLBACK_LENGTH = 4096
MAX_CAIDS = 8
# A click is reported within seconds; a time far from now is a broken clock or another unit.
OLDEST_CLICK = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=5)
SECONDS_BELOW = 10**11  # as milliseconds this would be 1973: some links carry seconds

_DIGITS = re.compile(r"[0-9]{1,19}")
_IMEI = re.compile(r"[0-9]{14,17}")
_ANDROID_ID = re.compile(r"[0-9a-f]{8,16}")
_ID_IN_TEXT = re.compile(r"\b[0-9a-fA-F]{32}\b")
_MODEL_BUILD = re.compile(r"\s+build/.*")
_LOCALE = re.compile(r"[a-z]{2}[-_][a-z]{2}")

T = TypeVar("T")
Address = IPv4Address | IPv6Address


def build(app: App, base_url: str) -> str:
    """The link to enter at Ocean Engine: `https://host/track/oceanengine/<token>/?aid=__AID__&…`."""
    query = "&".join(f"{name}=__{name.upper()}__" for name in MACROS)
    return f"{base_url.rstrip('/')}/track/oceanengine/{app.monitor_token}/?{query}"


def parse(query: str, *, app_id: int, received_at: datetime) -> Click:
    """The click of one call, not stored yet. Never fails: `query` is anything that stands behind a `?`."""
    given = _Parameters(query)
    ip = given.read("ip", parse_address)
    ipv6 = given.read("ipv6", parse_address)
    user_agent = given.text("ua", 1024)
    return Click(
        app_id=app_id,
        received_at=received_at,
        clicked_at=given.read("ts", lambda ts: _clicked_at(ts, received_at)) or received_at,
        request_id=given.key("request_id"),
        track_id=given.key("track_id"),
        os=given.read("os", lambda word: OS_WORDS[word.lower()]) or "",
        device_model=given.text("model", MAX_KEY_LENGTH),
        oaid_digest=given.digest("oaid", device_ids.md5_of) or given.digest("oaid_md5", _md5),
        android_id_digest=given.digest("androidid", _android_id_md5),
        imei_digest=given.digest("imei", _imei_md5),
        idfa_digest=given.digest("idfa", device_ids.md5_of) or given.digest("idfa_md5", _md5),
        caid_digests=[device_ids.digest(form) for form in given.caids()],
        ip_ua_digest=_network_digest((ip, ipv6), IPv4Address, user_agent),
        ipv6_ua_digest=_network_digest((ip, ipv6), IPv6Address, user_agent),
        callback_param=given.callback(),
        callback_url=given.text("callback_url", MAX_CALLBACK_LENGTH),
        material={name: value for name in MATERIAL_FIELDS if (value := given.text(name, MAX_NAME_LENGTH))},
        raw=device_ids.encrypt(query),
        **{name: given.read(name, _ad_id) for name in AD_ID_FIELDS},
        **{name: given.text(name, MAX_NAME_LENGTH) for name in AD_NAME_FIELDS},
        oddities=given.oddities,
    )


def parse_address(value: str) -> Address:
    """Raises: ValueError."""
    address = ip_address(value)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_identity(address: Address, user_agent: str) -> str:
    """What is compared where no id is: the address, and of the user agent the system and the model.

    Browser, web view and HTTP library of one phone share only the parentheses, and not even all in them:
    `Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)` and
    `Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1; wv) AppleWebKit/…` both give `android 13|m2012k11ac`.
    """
    inside = user_agent.lower().partition("(")[2].partition(")")[0]
    words = (_MODEL_BUILD.sub("", word.strip()) for word in inside.split(";"))
    telling = [word for word in words if word not in {"", "linux", "u", "wv"} and not _LOCALE.fullmatch(word)]
    return f"{address}\n{'|'.join(telling) or user_agent.strip().lower()}"


def caid_md5s(value: str) -> set[str]:
    """The possible md5 forms of the ids in a CAID array, `[{"caid_md5": "…", "version": "20230330"}]`.

    Raw CAIDs are 32 hex digits too, so a bare one may be either and stands for both. Of broken JSON, what looks like an
    id is taken. Raises: ValueError, without any id in it.
    """
    text = unquote(value) if "%" in value else value
    try:
        found = _caids_in(json.loads(text))
    except (ValueError, RecursionError):
        found = _caids_in(_ID_IN_TEXT.findall(text))
    if not found:
        raise ValueError("no CAID")
    return set(found[: 2 * MAX_CAIDS])


class _Parameters:
    """The query's parameters under their macros' names, cleaned; what can't be read is collected in `oddities`."""

    def __init__(self, query: str) -> None:
        self.oddities: list[str] = []
        self._values: dict[str, str] = {}
        # Not `parse_qsl`: most of a link's forty parameters are empty or unreplaced, and it took a third of a click.
        for pair in query.split("&"):
            given_name, _, value = pair.partition("=")
            name = NAMES.get(given_name) or NAMES.get(given_name.lower())
            if name and value:
                value = _unquoted(value)
                if not device_ids.is_absent(value) or (name == "os" and value == ANDROID):
                    self._values.setdefault(name, value)

    def text(self, name: str, max_length: int) -> str:
        return self._values.get(name, "")[:max_length]

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The parsed value; None, and an oddity where there was one, when it is absent or `parse` refuses it."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return parse(value)
        except (ValueError, KeyError, OverflowError):
            self.oddities.append(name)
            return None

    def key(self, name: str) -> str:
        """A key that rows are told apart by: too long, it can't be cut, since two would become one."""
        return self.read(name, _key) or ""

    def digest(self, name: str, md5_form: Callable[[str], str]) -> bytes | None:
        md5 = self.read(name, md5_form)
        return None if md5 is None else device_ids.digest(md5)

    def caids(self) -> Iterable[str]:
        return sorted(self.read("caid", caid_md5s) or ())

    def callback(self) -> str:
        """The callback parameter, which may only stand in the callback URL; a `#…` behind it belongs to a URL."""
        callback = self._values.get("callback_param") or _callback_in(self._values.get("callback_url", ""))
        callback = callback.partition("#")[0]
        if not callback or len(callback) > MAX_CALLBACK_LENGTH:
            self.oddities.append("callback_param")  # the click counts, but nothing can be reported for it
            return ""
        return callback


def _unquoted(value: str) -> str:
    if "%" in value or "+" in value:
        value = unquote_plus(value)
    return value.replace("\0", "").strip()  # PostgreSQL refuses NUL in texts


def _callback_in(url: str) -> str:
    return dict(parse_qsl(url.partition("?")[2])).get("callback", "")


def _number(value: str) -> int:
    """Plain digits only: `int` takes `1_000` and the digits of all scripts too."""
    if not _DIGITS.fullmatch(value):
        raise ValueError(value)
    return int(value)


def _ad_id(value: str) -> int:
    number = _number(value)
    if number > MAX_ID:
        raise ValueError(value)
    return number


def _key(value: str) -> str:
    if len(value) > MAX_KEY_LENGTH:
        raise ValueError(len(value))
    return value


def _clicked_at(ts: str, received_at: datetime) -> datetime:
    """Milliseconds (13 digits). A click can't be later than its report: a clock slightly ahead of ours is corrected."""
    number = _number(ts)
    clicked_at = datetime.fromtimestamp(number if number < SECONDS_BELOW else number / 1000, UTC)
    if not received_at - OLDEST_CLICK <= clicked_at <= received_at + CLOCK_SKEW:
        raise ValueError(ts)
    return min(clicked_at, received_at)


def _network_digest(addresses: Iterable[Address | None], version: type[Address], user_agent: str) -> bytes | None:
    """Of the address of this version, whichever parameter it came in; None without an address or a user agent."""
    for address in addresses:
        if user_agent and isinstance(address, version):
            return device_ids.digest(network_identity(address, user_agent))
    return None


def _md5(value: str) -> str:
    if not device_ids.is_md5(value):
        raise ValueError("not an md5")
    return value.lower()


def _android_id_md5(value: str) -> str:
    """The macro gives the md5; some links carry the raw id, up to 16 hex digits."""
    value = value.lower()
    return device_ids.md5_of(value) if _ANDROID_ID.fullmatch(value) else _md5(value)


def _imei_md5(value: str) -> str:
    return device_ids.md5_of(value) if _IMEI.fullmatch(value) else _md5(value)


def _caids_in(node: Any) -> list[str]:
    """The md5 forms in parsed JSON: an array of objects, one object, an array of texts, a text."""
    if isinstance(node, list):
        return [md5 for item in node for md5 in _caids_in(item)]
    if isinstance(node, dict):
        return _given(node.get("caid_md5")) + [device_ids.md5_of(caid) for caid in _given(node.get("caid"))]
    return [form for caid in _given(node) for form in (caid, device_ids.md5_of(caid))]


def _given(caid: Any) -> list[str]:
    return [caid.lower()] if isinstance(caid, str) and not device_ids.is_absent(caid) else []
