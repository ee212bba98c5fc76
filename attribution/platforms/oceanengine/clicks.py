"""Monitor links (监测链接): the URL that Ocean Engine calls on every effective click, and the meaning of its query.

Our link names every parameter after its macro in lower case; links written by hand for other systems use other names,
so the usual ones are understood as well.

Macros as in 巨量引擎 监测链接 (collected from public SDKs and copies of the vendor's pages, 2026).
"""

from datetime import datetime
from urllib.parse import parse_qsl

from attribution.platforms.link_query import MAX_CALLBACK_LENGTH, MAX_KEY_LENGTH, LinkQuery
from attribution.platforms.oceanengine import ads
from attribution.platforms.oceanengine.words import LINK_OS_WORDS
from attribution.platforms.platform import ClickAnswers, MonitoredClick

MACROS = [
    *("advertiser_id", "project_id", "project_name", "promotion_id", "promotion_name"),
    *("campaign_id", "campaign_name", "aid", "aid_name", "cid", "cid_name"),
    *("os", "oaid", "oaid_md5", "androidid", "imei", "idfa", "idfa_md5", "caid", "mac", "ip", "ipv6", "ua", "model"),
    *("ts", "request_id", "track_id", "callback_param", "callback_url"),
    *("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6"),
]
LINK_MACROS = "&".join(f"{name}=__{name.upper()}__" for name in MACROS)
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
MATERIAL_FIELDS = ("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6")
ADDRESSES = ("ip", "ipv6")
WITH_ZERO = ("os",)

# Which body it expects is not published; this is the form of its own answers.
ANSWERS = ClickAnswers(
    stored=b'{"code":0,"message":"ok"}',
    unknown_link=b'{"code":404,"message":"unknown monitor link"}',
    unavailable=b'{"code":503,"message":"not stored, call again"}',
)


def read(query: str, *, received_at: datetime) -> MonitoredClick:
    given = LinkQuery(query, NAMES, with_zero=WITH_ZERO)
    ipv4_identity, ipv6_identity = given.identities(ADDRESSES, "ua")
    return MonitoredClick(
        clicked_at=given.clicked_at("ts", received_at=received_at),
        request_id=given.key("request_id"),
        track_id=given.key("track_id"),
        os=given.word("os", LINK_OS_WORDS),
        device_model=given.text("model", MAX_KEY_LENGTH),
        oaid_md5=given.md5_of("oaid") or given.md5("oaid_md5"),
        android_id_md5=given.android_id_md5("androidid"),
        imei_md5=given.imei_md5("imei"),
        idfa_md5=given.md5_of("idfa") or given.md5("idfa_md5"),
        caid_md5s=given.caid_md5s("caid"),
        ipv4_identity=ipv4_identity,
        ipv6_identity=ipv6_identity,
        callback=_callback(given),
        callback_url=given.text("callback_url", MAX_CALLBACK_LENGTH),
        material=given.texts(MATERIAL_FIELDS),
        ad=ads.ad(given.ad_id("advertiser_id"), _own(given)),
        oddities=given.oddities,
    )


def _own(given: LinkQuery) -> dict[str, int | str]:
    ids = {name: number for name in ads.ID_FIELDS if (number := given.ad_id(name))}
    return {**ids, **given.texts(ads.NAME_FIELDS)}


def _callback(given: LinkQuery) -> str:
    """The callback parameter, which may be found only inside the callback URL; a `#…` behind it belongs to a URL."""
    callback = given.whole("callback_param") or _callback_in(given.whole("callback_url"))
    callback = callback.partition("#")[0]
    if not callback or len(callback) > MAX_CALLBACK_LENGTH:
        given.oddities.append("callback_param")  # the click counts, but nothing can be reported for it
        return ""
    return callback


def _callback_in(url: str) -> str:
    return dict(parse_qsl(url.partition("?")[2])).get("callback", "")
