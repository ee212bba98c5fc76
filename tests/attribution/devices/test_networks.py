import pytest

from attribution.devices.networks import network_identity, parse_address

WEB_VIEW = "Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1.221114.001; wv) AppleWebKit/537.36 NewsArticle/9.3.0"


@pytest.mark.parametrize(
    "user_agent",
    [
        WEB_VIEW,
        "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1.221114.001)",
        "Mozilla/5.0 (Linux; U; Android 13; zh-cn; M2012K11AC Build/X) AppleWebKit/537.36",
    ],
)
def test_network_identity_is_the_phones(user_agent: str) -> None:
    identity = network_identity(parse_address("::ffff:203.0.113.7"), user_agent)

    assert identity == "203.0.113.7\nandroid 13|m2012k11ac"


def test_network_identity_without_parentheses() -> None:
    identity = network_identity(parse_address("203.0.113.7"), " OkHttp/4.9 ")

    assert identity == "203.0.113.7\nokhttp/4.9"
