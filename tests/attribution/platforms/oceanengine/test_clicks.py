import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from pytest_django import Settings

from attribution.clicks.links import monitor_link
from attribution.devices import device_ids
from attribution.models import App
from attribution.platforms.oceanengine import ads, clicks
from attribution.platforms.oceanengine.link_names import MACROS
from attribution.platforms.platform import Ad, MonitoredClick

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MD5 = "5d41402abc4b2a76b9719d911017c592"
OTHER_MD5 = "7d793037a0760186574b0282f2f435e7"
RAW_CAID = "hello"  # MD5 is its md5
CAID = json.dumps([{"caid_md5": MD5}])
OAID = "5f3d8c1e-7b2a-4d9f-8e6c-1a2b3c4d5e6f"
IDFA = "AEBE52E7-03EE-455A-B3C4-E57283966239"
WEB_VIEW = "Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1.221114.001; wv) AppleWebKit/537.36 NewsArticle/9.3.0"


def parsed(query: str = "", **parameters: object) -> MonitoredClick:
    return clicks.read(query or urlencode(parameters), received_at=NOW)


def test_link_names_every_macro(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://ads.example.com"

    link = monitor_link(App(monitor_token="t0ken"), "oceanengine")

    parts = urlsplit(link)
    assert link.startswith("https://ads.example.com/track/oceanengine/t0ken/?")
    assert parse_qs(parts.query) == {name: [f"__{name.upper()}__"] for name in MACROS}


def test_parse_of_an_unreplaced_link() -> None:
    click = parsed(clicks.LINK_MACROS)

    assert click == MonitoredClick(clicked_at=NOW, oddities=["callback_param"])


def test_parse_of_the_new_structure() -> None:
    click = parsed(
        advertiser_id="1768433294857219",
        project_id="7384520193847263251",
        project_name="秋季拉新-学习助手",
        promotion_id="7384521730958246963",
        promotion_name="开学季 竖版+视频",
        aid="__AID__",
        cid="0",
        os="0",
        oaid=OAID,
        androidid=MD5.upper(),
        imei=OTHER_MD5,
        ip="203.0.113.7",
        ua=WEB_VIEW,
        model="M2012K11AC",
        ts="1795430400123",
        request_id="20261123120000ABC",
        track_id="track-1",
        callback_param="B.abc#x",
        callback_url="https://ad.oceanengine.com/track/activate/?callback=B.abc&os=0",
        csite="10001",
        union_site="__UNION_SITE__",
        mid1="7384521730958246000",
        mid6="6",
        ctype="15",
        convert_id="1780000000000000",
    )

    assert click == (
        MonitoredClick(
            clicked_at=datetime(2026, 11, 23, 10, 40, 0, 123000, tzinfo=UTC),
            ad=Ad(
                advertiser_id=1768433294857219,
                campaign_id=7384520193847263251,
                campaign_name="秋季拉新-学习助手",
                ad_id=7384521730958246963,
                ad_name="开学季 竖版+视频",
                platform_ad={
                    "project_id": 7384520193847263251,
                    "project_name": "秋季拉新-学习助手",
                    "promotion_id": 7384521730958246963,
                    "promotion_name": "开学季 竖版+视频",
                },
            ),
            os="android",
            oaid_md5=device_ids.md5_of(OAID),
            android_id_md5=MD5,
            imei_md5=OTHER_MD5,
            ipv4_identity="203.0.113.7\nandroid 13|m2012k11ac",
            device_model="M2012K11AC",
            request_id="20261123120000ABC",
            track_id="track-1",
            callback="B.abc",
            callback_url="https://ad.oceanengine.com/track/activate/?callback=B.abc&os=0",
            material={
                "csite": "10001",
                "mid1": "7384521730958246000",
                "mid6": "6",
                "ctype": "15",
                "convert_id": "1780000000000000",
            },
        )
    )


def test_parse_of_the_old_structure() -> None:
    click = parsed(
        os="1",
        campaign_id="7316620948571039795",
        campaign_name="老账户",
        aid="7316621857302914066",
        aid_name="信息流",
        cid="7316622190485730354",
        cid_name="大图",
        idfa=IDFA,
        caid=json.dumps([{"caid_md5": MD5, "version": "20230330"}, {"caid_md5": OTHER_MD5, "version": "20220111"}]),
        ipv6="2001:db8::1",
        ua="Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15",
        callback_param="B.abc",
    )

    assert click == (
        MonitoredClick(
            clicked_at=NOW,
            os="ios",
            ad=Ad(
                campaign_id=7316620948571039795,
                campaign_name="老账户",
                ad_id=7316621857302914066,
                ad_name="信息流",
                creative_id=7316622190485730354,
                creative_name="大图",
                platform_ad={
                    "campaign_id": 7316620948571039795,
                    "campaign_name": "老账户",
                    "aid": 7316621857302914066,
                    "aid_name": "信息流",
                    "cid": 7316622190485730354,
                    "cid_name": "大图",
                },
            ),
            idfa_md5=device_ids.md5_of(IDFA),
            caid_md5s=[MD5, OTHER_MD5],
            ipv6_identity="2001:db8::/64\nios 17",
            callback="B.abc",
        )
    )


@pytest.mark.parametrize(
    ("parameters", "field", "value"),
    [
        ({"oaid_md5": MD5.upper()}, "oaid_md5", MD5),
        ({"oaid": OAID, "oaid_md5": MD5}, "oaid_md5", device_ids.md5_of(OAID)),
        ({"oaid": "__OAID__", "oaid_md5": MD5}, "oaid_md5", MD5),
        ({"idfa_md5": MD5}, "idfa_md5", MD5),
        ({"imei": "868027010000001"}, "imei_md5", device_ids.md5_of("868027010000001")),
        ({"androidid": "89AAA371D65A588B"}, "android_id_md5", device_ids.md5_of("89aaa371d65a588b")),
        ({"ANDROID_ID": MD5}, "android_id_md5", MD5),
    ],
)
def test_parse_of_device_ids_in_other_forms(parameters: dict[str, str], field: str, value: str) -> None:
    click = parsed(**parameters, callback="B.abc")

    assert (getattr(click, field), click.oddities) == (value, [])


@pytest.mark.parametrize(
    "caid",
    [
        pytest.param(CAID, id="array"),
        pytest.param(json.dumps({"caid_md5": MD5.upper()}), id="object"),
        pytest.param(quote(CAID), id="encoded twice"),
        pytest.param(json.dumps([{"caid": RAW_CAID}]), id="raw"),
        pytest.param(
            json.dumps([{"caid_md5": MD5}, {"caid_md5": ""}, {"caid": "__CAID__"}, {"caid": []}, 7, None]),
            id="others absent",
        ),
    ],
)
def test_parse_of_caids(caid: str) -> None:
    click = parsed(caid=caid, callback="B.abc")

    assert (click.caid_md5s, click.oddities) == ([MD5], [])


@pytest.mark.parametrize("caid", [MD5, json.dumps([MD5]), CAID[:-3], f"{MD5},20230330"])
def test_parse_of_a_bare_caid_allows_both_forms(caid: str) -> None:
    click = parsed(caid=caid, callback="B.abc")

    assert set(click.caid_md5s) == {MD5, device_ids.md5_of(MD5)}


@pytest.mark.parametrize(
    ("ts", "clicked_at"),
    [
        (str(int(NOW.timestamp() * 1000) - 1500), NOW - timedelta(seconds=1.5)),
        (str(int(NOW.timestamp()) - 60), NOW - timedelta(seconds=60)),
        (str(int(NOW.timestamp() * 1000) + 60_000), NOW),
    ],
)
def test_parse_of_times(ts: str, clicked_at: datetime) -> None:
    click = parsed(ts=ts, callback="B.abc")

    assert (click.clicked_at, click.oddities) == (clicked_at, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ts", "yesterday"),
        ("ts", "1604888786102"),
        ("ts", str(int(NOW.timestamp() * 1000) + 3_600_000)),
        ("ts", "9" * 40),
        ("ts", "-5"),
        ("os", "7"),
        ("aid", "12a"),
        ("aid", "-1"),
        ("aid", str(2**63)),
        ("oaid_md5", "short"),
        ("androidid", "xyz"),
        ("androidid", "0x12345678"),
        ("aid", "1_000"),
        ("aid", "١٢٣"),
        ("imei", "86802701"),
        ("ip", "300.1.2.3"),
        ("ip", "1.2.3.4, 5.6.7.8"),
        ("caid", "[}"),
        ("caid", "[" * 50_000),
        ("request_id", "r" * 129),
    ],
)
def test_parse_of_odd_values(name: str, value: str) -> None:
    click = parsed(**{name: value}, callback="B.abc")

    assert click == MonitoredClick(clicked_at=NOW, callback="B.abc", oddities=[name])


def test_parse_takes_the_callback_from_its_url() -> None:
    click = parsed(callback_url="http://ad.toutiao.com/track/activate/?callback=B.x%3D%3D&os=0&muid=1")

    assert (click.callback, click.oddities) == ("B.x==", [])


def test_parse_understands_usual_names() -> None:
    click = parsed(
        adid="5",
        account_id="6",
        req_id="r",
        timestamp="1795430400123",
        callback="c",
        User_Agent=WEB_VIEW,
        ip="10.0.0.1",
    )

    assert click == (
        parsed(aid=5, advertiser_id=6, request_id="r", ts=1795430400123, callback_param="c", ua=WEB_VIEW, ip="10.0.0.1")
    )


@pytest.mark.parametrize(
    ("own", "campaign", "ad"),
    [
        ({"project_id": 1, "promotion_id": 2, "campaign_id": 3, "aid": 4}, (1, ""), (2, "")),
        ({"campaign_id": 3, "campaign_name": "c", "aid": 4, "aid_name": "a"}, (3, "c"), (4, "a")),
        ({"project_name": "p", "campaign_id": 3, "campaign_name": "c"}, (3, "p"), (None, "")),
        ({}, (None, ""), (None, "")),
    ],
)
def test_ad_is_the_promotion_or_the_old_ad(
    own: dict[str, int | str], campaign: tuple[int | None, str], ad: tuple[int | None, str]
) -> None:
    found = ads.ad(7, own)

    assert ((found.campaign_id, found.campaign_name), (found.ad_id, found.ad_name)) == (campaign, ad)
    assert {level.id_field: level.id for level in ads.levels(found) if level.id} == {
        name: value for name, value in own.items() if isinstance(value, int)
    }
