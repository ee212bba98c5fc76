"""Monitor links (监测链接): the URL that Ocean Engine calls on every effective click, and the meaning of its query.

Our link names every parameter after its macro in lower case; links written by hand or for other systems use other
names (`link_names`), so the usual ones are understood as well.

Macros as in 巨量引擎 监测链接 (collected from public SDKs and copies of the vendor's pages, 2026).
"""

import re
from datetime import datetime
from urllib.parse import unquote, urlsplit

from attribution.devices.match_types import MatchType
from attribution.platforms.link_query import MAX_CALLBACK_LENGTH, MAX_KEY_LENGTH, LinkQuery
from attribution.platforms.oceanengine import ads, link_names, wire
from attribution.platforms.oceanengine.words import CALLBACK_DOMAINS, LINK_MATCH_TYPES, LINK_OS_WORDS
from attribution.platforms.platform import ClickAnswers, MonitoredClick
from foundation.database.columns import BIGINT_MAX

LINK_MACROS = link_names.query(link_names.MACROS)
# Links for impressions and plays. The platform has no such macros for an impression.
VIEW_LINK_MACROS = {
    MatchType.IMPRESSION: "match_type=impression&"
    + link_names.query(name for name in link_names.MACROS if name not in ("advertiser_id", "ipv6")),
    MatchType.PLAY: f"match_type=play&{LINK_MACROS}",
}
MATERIAL_FIELDS = ("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6")
ADDRESSES = ("ip", "ipv4", "ipv6")
WITH_ZERO = ("os", "os_version", "match_type")
# Where the callback parameter may be, from its own name to the ones that other systems use for other things too. An
# address may be in any of them, and then has it as a parameter of its own.
CALLBACK_FIELDS = ("callback_param", "callback", "clickid", "callback_url")
# A creative's id has 13 digits or more; a shorter number by itself is a channel of 友盟 (`cid=2056`).
SHORTEST_CREATIVE_ID = 10

# Which body it expects is not published; this is the form of its own answers.
ANSWERS = ClickAnswers(
    stored=b'{"code":0,"message":"ok"}',
    unknown_link=b'{"code":404,"message":"unknown monitor link"}',
    unavailable=b'{"code":503,"message":"not stored, call again"}',
)

_NAME_AND_ID = re.compile(r"(.*\S) ?\(([0-9]{10,19})\)")


def read(query: str, *, received_at: datetime) -> MonitoredClick:
    names = link_names.NAMES if "asid=" not in query else link_names.NAMES_WITH_AD_SET
    given = LinkQuery(query, names, with_zero=WITH_ZERO, verbatim=CALLBACK_FIELDS)
    os = given.word("os", LINK_OS_WORDS) or given.word("os_version", LINK_OS_WORDS)
    model = given.text("model", MAX_KEY_LENGTH)
    ipv4_identity, ipv6_identity = given.identities(ADDRESSES, "ua", os=os, model=model)
    return MonitoredClick(
        clicked_at=given.clicked_at("ts", received_at=received_at),
        match_type=given.read("match_type", lambda word: LINK_MATCH_TYPES[word.lower()]) or MatchType.CLICK,
        request_id=given.key("request_id"),
        track_id=given.key("track_id"),
        os=os,
        device_model=model,
        oaid_md5=given.md5_of("oaid") or given.md5("oaid_md5"),
        android_id_md5=given.android_id_md5("androidid"),
        imei_md5=given.imei_md5("imei"),
        idfa_md5=given.idfa_md5("idfa") or given.idfa_md5("idfa_md5"),
        caid_md5s=given.caid_md5s("caid") or given.caid_md5s("caid_md5"),
        ipv4_identity=ipv4_identity,
        ipv6_identity=ipv6_identity,
        callback=_callback(given),
        callback_url=given.text("callback_url", MAX_CALLBACK_LENGTH),
        material=given.texts(MATERIAL_FIELDS),
        ad=ads.ad(given.ad_id("advertiser_id"), _own(given)),
        oddities=given.oddities,
    )


def _own(given: LinkQuery) -> dict[str, int | str]:
    """The ad's ids and names, under the vendor's names for them."""
    ids = {name: number for name in ads.ID_FIELDS if (number := given.ad_id(name))}
    if ids.keys() == {"cid"} and ids["cid"] < 10**SHORTEST_CREATIVE_ID:
        given.oddities.append("cid")
        ids = {}
    return _with_ids_of_names({**ids, **given.texts(ads.NAME_FIELDS)})


def _with_ids_of_names(own: dict[str, int | str]) -> dict[str, int | str]:
    """Adjust's links have the name and the id in one: `campaign=__CAMPAIGN_NAME__ (__CAMPAIGN_ID__)`."""
    for _title, id_field, name_field in ads.LEVELS.values():
        name = own.get(name_field)
        found = _NAME_AND_ID.fullmatch(str(name)) if name and id_field not in own else None
        if found and int(found[2]) <= BIGINT_MAX:
            own |= {name_field: found[1], id_field: int(found[2])}
    return own


def _callback(given: LinkQuery) -> str:
    """The first one that can be read. The click also counts without one, but nothing can be reported for it."""
    for name in CALLBACK_FIELDS:
        value = given.whole(name)
        callback = _callback_in(value) if _is_address(value) else value
        callback = callback.partition("#")[0]  # a `#…` behind it belongs to an address
        if 0 < len(callback) <= MAX_CALLBACK_LENGTH:
            return callback
        if value:
            given.oddities.append(name)
    if "callback_param" not in given.oddities:
        given.oddities.append("callback_param")
    return ""


def _is_address(value: str) -> bool:
    """A parameter has neither of these."""
    return "://" in value or "?" in value


def _callback_in(address: str) -> str:
    """The callback parameter of one of the platform's addresses; anybody may have written any other."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address.lstrip('/')}")
        host = parts.hostname or ""
    except ValueError:
        return ""
    if not any(host == domain or host.endswith(f".{domain}") for domain in (*CALLBACK_DOMAINS, wire.host())):
        return ""
    pairs = (pair.partition("=") for pair in parts.query.split("&"))
    return next((unquote(value) for name, _, value in pairs if name == "callback"), "")
