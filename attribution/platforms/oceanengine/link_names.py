"""What the parameters of monitor links are called: by us, and in the presets of other systems that we have seen.

Names are compared without case and signs (`link_query.spellings`), so `projectId` needs no line of its own. Seen in:
热云 TrackingIO, AppsFlyer, Adjust, 友盟, TalkingData, 巨量星图, and links of makers of apps (public code, 2026).
"""

from collections.abc import Iterable

from attribution.platforms.link_query import spellings

MACROS = [
    *("advertiser_id", "project_id", "project_name", "promotion_id", "promotion_name"),
    *("campaign_id", "campaign_name", "aid", "aid_name", "cid", "cid_name"),
    *("os", "oaid", "oaid_md5", "androidid", "imei", "idfa", "idfa_md5", "caid", "mac", "ip", "ipv6", "ua", "model"),
    *("ts", "request_id", "track_id", "callback_param", "callback_url"),
    *("csite", "union_site", "ctype", "convert_id", "mid1", "mid2", "mid3", "mid4", "mid5", "mid6"),
]
ALIASES = {
    "advertiser_id": ["account_id", "accountid", "adv_id", "advid", "aadvid", "ry_account_id"],
    "project_id": ["cdp_project_id"],
    "promotion_id": ["cdp_promotion_id"],
    "campaign_id": ["af_c_id", "ry_adgroup_id", "group_id", "groupid"],
    "campaign_name": ["campaign", "c", "ry_adgroup_name", "group_name"],
    "aid": ["adid", "ad_id", "af_adset_id", "adgroup_id", "adset_id", "ry_adplan_id", "plan_id"],
    "aid_name": ["ad_name", "adname", "af_adset", "adgroup", "adgroup_name", "ry_adplan_name", "plan_name", "dname"],
    "cid": ["af_ad_id", "creative_id", "ry_adcreative_id"],
    "cid_name": ["af_ad", "creative", "creative_name", "ry_adcreative_name"],
    "os": ["os_type", "device_os", "platform", "device_os_type"],
    # TalkingData's word for the system, and other makers' for its version.
    "os_version": ["osversion"],
    "oaid": ["oaid_raw"],
    "androidid": ["android_id", "android_id_md5", "androidid_md5", "androidid1", "android_id_lower_md5", "anid"],
    "imei": ["imei_md5", "imeimd5"],
    "idfa": ["ios_ifa"],
    "caid": ["caids", "caid_list"],
    "caid_md5": ["caid1_md5"],
    "ip": ["ip_address", "af_ip", "client_ip", "device_ip", "userip", "user_ip"],
    "ipv4": ["ip4"],
    "ipv6": ["ip6"],
    "ua": ["user_agent", "useragent", "af_ua", "ua1", "device_ua"],
    "model": ["device_model", "phone_model", "af_model", "device_name"],
    "ts": ["time", "timestamp", "click_time", "clicktime", "click_ts", "click_timestamp", "event_time", "ctime"],
    "request_id": ["req_id", "reqid"],
    "track_id": ["trackid"],
    "match_type": ["kind", "matchtype"],
    "callback": ["cb", "callbackparam1", "callback_token"],
    "clickid": ["click_id", "ad_clickid", "clid"],
    "callback_url": ["call_url", "callbackurl", "cb_url", "callback_uri"],
    "csite": ["af_siteid"],
    "union_site": ["siteid"],
    "ctype": ["af_ad_type"],
}
# Macros that nothing here is made of.
UNNEEDED = [
    "mac", "mac1", "mac_md5", "geo", "city_code", "sl", "language", "af_lang", "lang", "productid", "outerid", "udid",
    "openudid", "uuid", "gaid", "advertising_id", "advertisingid", "vid", "sign", "muid", "demand_id", "item_id",
]  # fmt: skip

_OWN = {name: name for name in [*MACROS, "match_type", "ipv4", "os_version", "caid_md5", "callback", "clickid"]}
_ALIASES = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
NAMES = spellings(_OWN | _ALIASES | dict.fromkeys(UNNEEDED, ""))
# With an ad set (`asid`), a campaign's id is `cid` and an ad's is `aid`: so do the tags of TikTok's landing pages.
NAMES_WITH_AD_SET = NAMES | {"cid": "campaign_id", "asid": "aid", "aid": "cid"}


def query(names: Iterable[str]) -> str:
    """Parameters with their macros: `aid=__AID__&…`."""
    return "&".join(f"{name}=__{name.upper()}__" for name in names)
