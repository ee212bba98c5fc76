import pytest

from attribution.devices.networks import network_identities, network_identity, parse_address

WEB_VIEW = "Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1.221114.001; wv) AppleWebKit/537.36 NewsArticle/9.3.0"
SAFARI_17 = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Safari/604.1"
SAFARI_26 = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/26.1 Safari/604.1"
WEB_VIEW_26 = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
IPAD_17 = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"
REDUCED = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
ADDRESS = parse_address("203.0.113.7")


@pytest.mark.parametrize(
    "user_agent",
    [
        WEB_VIEW,
        "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1.221114.001)",
        "Mozilla/5.0 (Linux; U; Android 13; zh-cn; M2012K11AC Build/X) AppleWebKit/537.36",
        "com.ss.android.ugc.aweme/300 (Linux; U; Android 13; zh_CN; M2012K11AC; Build/TKQ1; Cronet/TTNetVersion:1)",
        "Mozilla/5.0 (Linux; Android 13; HarmonyOS; M2012K11AC; HMSCore 6.11.0.302) AppleWebKit/537.36",
        "App/3.1 (build 5) (Android 13.1; M2012K11AC)",
    ],
)
def test_network_identity_is_the_phones(user_agent: str) -> None:
    identity = network_identity(parse_address("::ffff:203.0.113.7"), user_agent)

    assert identity == "203.0.113.7\nandroid 13|m2012k11ac"


def test_network_identity_without_parentheses() -> None:
    identity = network_identity(parse_address("203.0.113.7"), " OkHttp/4.9 ")

    assert identity == "203.0.113.7\nokhttp/4.9"


@pytest.mark.parametrize(
    ("user_agent", "os", "model", "agent"),
    [
        (SAFARI_17, "ios", "iPhone15,2", "ios 17"),
        (SAFARI_26, "ios", "", "ios 26"),
        (WEB_VIEW_26, "", "", "ios 18"),
        (IPAD_17, "ios", "", "ios 17"),
        ("Aweme 30.1.0 rv:301014 (iPhone; iOS 17.1.1; zh_CN) Cronet", "", "", "ios 17"),
        ("Aweme/300 CFNetwork/1485 Darwin/23.1.0", "", "", "ios 17"),
        ("App/1 (iPhone; Scale/3.00)", "ios", "", "app/1 (iphone; scale/3.00)"),
        (REDUCED, "android", "M2012K11AC", "android|m2012k11ac"),
        (REDUCED, "android", "", REDUCED.lower()),
        ("okhttp/4.12.0", "android", "M2012K11AC", "android|m2012k11ac"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 ArkWeb/4.1", "harmony", "", "harmony 5"),
        ("axios/1.6", "", "", "axios/1.6"),
    ],
)
def test_network_identity_of_a_click(user_agent: str, os: str, model: str, agent: str) -> None:
    assert network_identity(ADDRESS, user_agent, os=os, model=model) == f"203.0.113.7\n{agent}"


@pytest.mark.parametrize(
    ("clicked", "active", "is_same"),
    [
        (SAFARI_17, "App/3 CFNetwork/1485 Darwin/23.1.0", True),
        (SAFARI_17, "App/3 CFNetwork/1494.0.7 Darwin/23.4.0", True),
        (SAFARI_17, "App/3 CFNetwork/1568.100.1 Darwin/24.0.0", False),
        (SAFARI_17, "App/3.2 (com.example.app; build:7; iOS 17.1.0) Alamofire/5.4", True),
        (SAFARI_17, "App/3.2 (iPhone; iOS 16.7; Scale/3.00)", False),
        (SAFARI_17, SAFARI_17.replace("17_1", "17_3"), True),
        (SAFARI_26, "App/3 CFNetwork/3860.100.1 Darwin/25.0.0", True),
        (WEB_VIEW_26, "App/3 CFNetwork/3860.100.1 Darwin/25.0.0", True),
        (WEB_VIEW_26, "App/3 CFNetwork/1568.100.1 Darwin/24.6.0", True),
        (SAFARI_26, "App/3 CFNetwork/1568.100.1 Darwin/24.6.0", False),
        (SAFARI_26, WEB_VIEW_26, True),
        (SAFARI_17, WEB_VIEW, False),
        (SAFARI_17, "App/3.2 (iPhone; Scale/3.00)", False),
        (WEB_VIEW, "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)", True),
        (WEB_VIEW, "Dalvik/2.1.0 (Linux; U; Android 14; M2012K11AC Build/TKQ1)", False),
        (WEB_VIEW, "Dalvik/2.1.0 (Linux; U; Android 13; SM-G9980 Build/TKQ1)", False),
        ("App (Android 13)", "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)", True),
        ("own-agent/1", "Own-Agent/1 ", True),
        ("own-agent/1", "own-agent/2", False),
    ],
)
def test_click_and_app_of_one_phone(clicked: str, active: str, is_same: bool) -> None:
    stored = network_identity(ADDRESS, clicked)

    assert (stored in network_identities(ADDRESS, active)) is is_same


def test_reduced_user_agent_is_found_by_the_model_of_the_link() -> None:
    stored = network_identity(ADDRESS, REDUCED, os="android", model="M2012K11AC")

    assert stored in network_identities(ADDRESS, WEB_VIEW)


@pytest.mark.parametrize(
    ("address", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("203.0.113.7", "64:ff9b::203.0.113.7", True),
        ("64:ff9b::203.0.113.8", "64:ff9b::203.0.113.7", False),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_addresses_of_one_network(address: str, other: str, is_same: bool) -> None:
    stored = network_identity(parse_address(address), SAFARI_17)

    assert (stored in network_identities(parse_address(other), SAFARI_17)) is is_same
