"""Monitor links as other systems and app makers write them, filled in as Ocean Engine does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from attribution.devices import device_ids
from attribution.platforms.oceanengine import clicks
from attribution.platforms.platform import MonitoredClick

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLICKED_AT = NOW - timedelta(seconds=2)
MD5 = "5d41402abc4b2a76b9719d911017c592"
OAID = "5f3d8c1e-7b2a-4d9f-8e6c-1a2b3c4d5e6f"
IDFA = "AEBE52E7-03EE-455A-B3C4-E57283966239"
TOKEN = "B.a+b/c=="
ADDRESS = f"http://ad.toutiao.com/track/activate/?callback={quote(TOKEN, safe='')}&os=0&muid=m"
VALUES = {
    "ADVERTISER_ID": "1768433294857219",
    "PROJECT_ID": "7384520193847263251",
    "PROMOTION_ID": "7384521730958246963",
    "CAMPAIGN_ID": "7316620948571039795",
    "CAMPAIGN_NAME": "秋季拉新",
    "AID": "7316621857302914066",
    "AID_NAME": "信息流+竖版",
    "CID": "7316622190485730354",
    "CID_NAME": "大图 A",
    "OS": "0",
    "OAID": OAID,
    "OAID_MD5": device_ids.md5_of(OAID),
    "ANDROIDID": MD5,
    "ANDROIDID1": MD5.upper(),
    "IMEI": MD5,
    "UUID": MD5,
    "IDFA": IDFA,
    "MAC": MD5,
    "IP": "203.0.113.7",
    "UA": "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)",
    "TS": str(int(CLICKED_AT.timestamp() * 1000)),
    "CALLBACK_PARAM": TOKEN,
    "CALLBACK_URL": ADDRESS,
    "CTYPE": "15",
    "CSITE": "10001",
    "UNION_SITE": "u-1",
}
LEVELS = {
    "campaign_id": int(VALUES["CAMPAIGN_ID"]),
    "aid": int(VALUES["AID"]),
    "cid": int(VALUES["CID"]),
}


def filled(link: str) -> str:
    for macro in sorted(VALUES, key=len, reverse=True):
        link = link.replace(f"__{macro}__", quote(VALUES[macro], safe=""))
    return link


def read(query: str) -> MonitoredClick:
    return clicks.read(query, received_at=NOW)


@pytest.mark.parametrize(
    ("link", "own", "unread"),
    [
        pytest.param(
            "imei=__IMEI__&mac=__MAC1__&androidid=__ANDROIDID__&oaid=__OAID__&ip=__IP__&ts=__TS__&os=__OS__"
            "&callback=__CALLBACK_URL__&callback_param=__CALLBACK_PARAM__&ry_adgroup_id=__CAMPAIGN_ID__"
            "&ry_adgroup_name=__CAMPAIGN_NAME__&ry_adplan_id=__AID__&ry_adplan_name=__AID_NAME__"
            "&ry_adcreative_id=__CID__&ry_adcreative_name=__CID_NAME__&ctype=__CTYPE__&csite=__CSITE__"
            "&siteid=__UNION_SITE__&vid=__VID__&aid=__AID__&accountid=__ADVERTISER_ID__&noredirect=true",
            {**LEVELS, "campaign_name": "秋季拉新", "aid_name": "信息流+竖版", "cid_name": "大图 A"},
            ["noredirect"],
            id="热云",
        ),
        pytest.param(
            "imei=__IMEI__&oaid=__OAID__&time=__TS__&os=__OS__&accountid=__ADVERTISER_ID__&callback=__CALLBACK_URL__",
            {},
            [],
            id="热云, older",
        ),
        pytest.param(
            "c=__CAMPAIGN_NAME__&af_c_id=__CAMPAIGN_ID__&af_adset=__AID_NAME__&af_adset_id=__AID__&af_ad=__CID_NAME__"
            "&af_ad_id=__CID__&af_ad_type=__CTYPE__&pid=bytedance_int&af_click_lookback=7d&clickid=__CALLBACK_PARAM__"
            "&android_id=__ANDROIDID1__&advertising_id=__GAID__&oaid=__OAID__&os=__OS__&af_ip=__IP__&af_ua=__UA1__"
            "&af_lang=__SL__&redirect=false",
            {**LEVELS, "campaign_name": "秋季拉新", "aid_name": "信息流+竖版", "cid_name": "大图 A"},
            ["pid", "af_click_lookback", "redirect"],
            id="AppsFlyer",
        ),
        pytest.param(
            "campaign=__CAMPAIGN_NAME__%20(__CAMPAIGN_ID__)&adgroup=__AID_NAME__%20(__AID__)&creative=__CID_NAME__"
            "%20(__CID__)&android_id_lower_md5=__ANDROIDID__&oaid=__OAID__&ip_address=__IP__&user_agent=__UA__"
            "&os=__OS__&callback_param=__CALLBACK_PARAM__&s2s=1",
            {**LEVELS, "campaign_name": "秋季拉新", "aid_name": "信息流+竖版", "cid_name": "大图 A"},
            ["s2s"],
            id="Adjust",
        ),
        pytest.param(
            "cid=2056&clickid=__CALLBACK_PARAM__&oaid=__OAID__&os=__OS__&idfa=", {}, ["cid"], id="友盟: a channel"
        ),
        pytest.param(
            "chn=toutiao&oaid=__OAID__&imei_md5=__IMEI__&osversion=__OS__&ip=__IP__&clicktime=__TS__"
            "&useragent=__UA__&callback=__CALLBACK_PARAM__&action=none",
            {},
            ["chn"],
            id="TalkingData",
        ),
        pytest.param(
            "projectId=__PROJECT_ID__&promotionId=__PROMOTION_ID__&campaignId=__CAMPAIGN_ID__&aid=__AID__&cid=__CID__"
            "&androidId=__ANDROIDID__&oaid=__OAID__&os=__OS__&time=__TS__&callbackUrl=__CALLBACK_URL__&deal_id=",
            {**LEVELS, "project_id": int(VALUES["PROJECT_ID"]), "promotion_id": int(VALUES["PROMOTION_ID"])},
            [],
            id="a maker's own, in camel case",
        ),
        pytest.param(
            "AID=__AID__&CID=__CID__&CAMPAIGN_ID=__CAMPAIGN_ID__&OS=__OS__&OAID=__OAID__&SL=__SL__&MAC1=__MAC1__"
            "&GEO=__GEO__&TS=__TS__&CALLBACK_PARAM=__CALLBACK_PARAM__&CALLBACK_URL=__CALLBACK_URL__",
            LEVELS,
            [],
            id="a maker's own, in capitals",
        ),
        pytest.param(
            "adid=__AID__&cid=__CID__&dname=__AID_NAME__&oaid=__OAID__&oaidMd5=__OAID_MD5__&os=__OS__&TIMESTAMP=__TS__"
            "&call_url=__CALLBACK_URL__&gid=77&tp=x",
            {"aid": LEVELS["aid"], "cid": LEVELS["cid"], "aid_name": "信息流+竖版"},
            ["gid", "tp"],
            id="a maker's own, with words of theirs",
        ),
        pytest.param(
            "utm_source=tt&cid=__CAMPAIGN_ID__&asid=__AID__&aid=__CID__&oaid=__OAID__&os=__OS__"
            "&callback=__CALLBACK_PARAM__",
            LEVELS,
            ["utm_source"],
            id="the tags of a landing page",
        ),
    ],
)
def test_link_is_understood(link: str, own: dict[str, Any], unread: list[str]) -> None:
    click = read(filled(link))

    assert (click.callback, click.oaid_md5, click.os) == (TOKEN, device_ids.md5_of(OAID), "android")
    assert (click.ad.platform_ad, click.oddities) == (own, unread)
    if "__TS__" in link:
        assert click.clicked_at == CLICKED_AT
    if "__ADVERTISER_ID__" in link:
        assert click.ad.advertiser_id == int(VALUES["ADVERTISER_ID"])
    for macro, field in {"__ANDROIDID": "android_id_md5", "__IMEI__": "imei_md5"}.items():
        assert getattr(click, field) == (MD5 if macro in link else None)


@pytest.mark.parametrize(
    ("query", "callback", "oddities"),
    [
        pytest.param(f"callback={quote(ADDRESS, safe='')}", TOKEN, [], id="an address"),
        pytest.param(f"callback_param={quote(ADDRESS, safe='')}", TOKEN, [], id="under the parameter's own name"),
        pytest.param(f"callback={quote(quote(ADDRESS, safe=''), safe='')}", TOKEN, [], id="an address, escaped twice"),
        pytest.param(f"callback={ADDRESS}", TOKEN, [], id="an address, not escaped at all"),
        pytest.param(
            "callback=ad.oceanengine.com/track/?callback=B.x%253D", "B.x=", [], id="an address without scheme"
        ),
        pytest.param(
            "callback=https%3A%2F%2Fanalytics.oceanengine.com%2F%3Fcallback%3DB.x%23a", "B.x", [], id="fragment"
        ),
        pytest.param(
            f"callback={quote(ADDRESS, safe='')}&callback_param=B.right", "B.right", [], id="beside the right one"
        ),
        pytest.param("clickid=other&callback_param=B.right", "B.right", [], id="a click id beside the right one"),
        pytest.param("callback_param=__CALLBACK_PARAM__&clickid=B.x", "B.x", [], id="the right one unreplaced"),
        pytest.param("callback_url=B.x", "B.x", [], id="a parameter under the address's name"),
        pytest.param(
            "callback=https%3A%2F%2Fevil.example%2F%3Fcallback%3DB.x",
            "",
            ["callback", "callback_param"],
            id="an address of somebody else",
        ),
        pytest.param(
            "callback=https%3A%2F%2Fad.toutiao.com%40evil.example%2F%3Fcallback%3DB.x&clickid=B.y",
            "B.y",
            ["callback"],
            id="an address that looks like one of theirs",
        ),
        pytest.param(
            "callback=https%3A%2F%2Fxtoutiao.com%2F%3Fcallback%3DB", "", ["callback", "callback_param"], id="suffix"
        ),
        pytest.param(
            "callback=http%3A%2F%2F%5Bx%2F%3Fcallback%3DB", "", ["callback", "callback_param"], id="no address"
        ),
        pytest.param("callback_param=B.a+b/c==", TOKEN, [], id="a raw plus"),
        pytest.param("callback_param=B.a%2Bb%2Fc%3D%3D", TOKEN, [], id="escaped"),
        pytest.param("callback_param=B.a%252Bb%252Fc%253D%253D", TOKEN, [], id="escaped twice"),
        pytest.param("callback_param=B.x&callback_param=B.y", "B.x", [], id="twice"),
        pytest.param("callback_param=&callback_param=__X__&callback_param=B.y", "B.y", [], id="empty, then unreplaced"),
    ],
)
def test_callback_is_found(query: str, callback: str, oddities: list[str]) -> None:
    click = read(query)

    assert (click.callback, [name for name in click.oddities if name != "muid"]) == (callback, oddities)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("aid_name=%E5%BC%80%E5%AD%A6%E5%AD%A3", "开学季", id="UTF-8"),
        pytest.param("aid_name=" + quote("开学季", encoding="gbk"), "开学季", id="GBK"),
        pytest.param("aid_name=" + quote("开学季 A+B", encoding="gb18030"), "开学季 A+B", id="GBK with signs"),
        pytest.param("aid_name=%25E5%25BC%2580%25E5%25AD%25A6", "开学", id="escaped twice"),
        pytest.param("aid_name=%E5%BC%80%E5%AD", "开", id="cut within a character"),
        pytest.param("aid_name=%E5%BC%80%E5%A", "开", id="cut within an escape"),
        pytest.param("aid_name=100%+off", "100% off", id="a percent sign"),
        pytest.param("aid_name=a%zzb", "a%zzb", id="no escape"),
        pytest.param("aid_name=A+B%2BC", "A B+C", id="blanks"),
        pytest.param("aid_name=a%00b", "ab", id="NUL"),
    ],
)
def test_names_are_read_however_they_are_escaped(query: str, name: str) -> None:
    assert read(f"{query}&callback=B").ad.ad_name == name


@pytest.mark.parametrize(
    "query",
    [
        "aid=7&amp;cid=8&amp;callback_param=B.x",
        "aid=7&amp;amp;cid=8&ampcallback_param=B.x",
        "aid%3D7%26cid%3D8%26callback_param%3DB.x",
        "?aid=7&cid=8&callback_param=B.x",
        "&&aid=7&&cid=8&callback_param=B.x&",
        "aid =7&+cid=8&callback_param%20=B.x",
        "aid=7&aid=9&cid=&cid=8&callback_param=B.x",
        "Aid=7&CID=8&Callback-Param=B.x",
    ],
)
def test_untidy_queries_lose_nothing(query: str) -> None:
    click = read(query)

    assert (click.ad.ad_id, click.ad.creative_id, click.callback, click.oddities) == (7, 8, "B.x", [])


@pytest.mark.parametrize(
    ("query", "unread"),
    [
        ("gid=7&tag1=x", ["gid", "tag1"]),
        ("gid=__GID__&tag1={tag}&a=[TAG]&b=$tag$&c1=null&d=", []),
        ("campaign=__CAMPAIGN_NAME__ (__CAMPAIGN_ID__)", []),
        ("gid=7&gid=8", ["gid"]),
        ("x" * 100 + "=1", ["x" * 64]),
        ("=1&==", []),
        ("游戏=1", ["游戏"]),
    ],
)
def test_what_is_unread_is_named(query: str, unread: list[str]) -> None:
    assert read(f"callback=B&{query}").oddities == unread


def test_names_of_unread_parameters_are_bounded() -> None:
    click = read("&".join(f"own{number}=1" for number in range(1000)))

    assert click.oddities == [*[f"own{number}" for number in range(16)], "callback_param"]


@pytest.mark.parametrize(
    ("os", "word"),
    [
        ("0", "android"),
        ("1", "ios"),
        ("2", "harmony"),
        ("HarmonyOS", "harmony"),
        ("iPhone", "ios"),
        ("Android", "android"),
    ],
)
def test_systems(os: str, word: str) -> None:
    assert (read(f"callback=B&os={os}").os, read(f"callback=B&osversion={os}").os) == (word, word)
