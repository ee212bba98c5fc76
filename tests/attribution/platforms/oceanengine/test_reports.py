"""The vendor's wire format, where no sandbox is needed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from pytest_django import Settings

from attribution.devices.match_types import MatchType
from attribution.platforms.http import PlatformRejected, PlatformUnavailable
from attribution.platforms.oceanengine import reports
from attribution.platforms.oceanengine.query import OceanEngineQuery
from attribution.platforms.platform import Ad, UserEvent

URL = "https://analytics.oceanengine.com/sdk/app/attribution/"
AT = datetime(2026, 11, 23, 4, 0, 0, 123_400, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _vendor(settings: Settings) -> None:
    settings.OCEANENGINE_BASE_URL = "https://analytics.oceanengine.com"


def report_body(**given: Any) -> Any:
    words: dict[str, Any] = {
        "event": "active", "os": "android", "device": {"android_id": "a1"}, "callback": "cb", "ad": Ad(),
        "occurred_at": AT, "outer_event_id": "e-1",
    }  # fmt: skip
    return json.loads(reports.body(UserEvent(**words | given)))


@pytest.mark.parametrize(
    ("os", "device", "reported"),
    [
        ("android", {"android_id": "a1", "idfv": "x", "oaid": "o"}, {"android_id": "a1", "oaid": "o"}),
        ("ios", {"android_id": "x", "idfv": "v1", "idfa": "f"}, {"idfv": "v1", "idfa": "f"}),
        ("android", {"android_id": "a1", "imei": "868027010000001"},
         {"android_id": "a1", "imei": "073c7f9023295ed74595b55a744c973e"}),
        ("android", {"android_id": "a1", "imei": "073C7F9023295ED74595B55A744C973E"},
         {"android_id": "a1", "imei": "073c7f9023295ed74595b55a744c973e"}),
        ("android", {"android_id": "a1", "ip": "1.2.3.4", "user_agent": "x"}, {"android_id": "a1"}),
        ("harmony", {"oaid": "o", "android_id": "x", "idfv": "x"}, {"oaid": "o"}),
    ],
)  # fmt: skip
def test_report_has_the_platforms_ids_in_its_forms(os: str, device: dict[str, str], reported: dict[str, str]) -> None:
    assert report_body(os=os, device=device)["context"]["device"] == {"platform": os, **reported}


def test_report_strips_a_fragment_from_the_callback() -> None:
    assert report_body(callback="cb#12")["context"]["ad"] == {"callback": "cb", "match_type": 0}


@pytest.mark.parametrize(
    ("match_type", "number"), [(MatchType.CLICK, 0), (MatchType.IMPRESSION, 1), (MatchType.PLAY, 2)]
)
def test_report_says_what_the_match_was(match_type: MatchType, number: int) -> None:
    assert report_body(match_type=match_type)["context"]["ad"]["match_type"] == number


def test_report_from_harmony_has_the_word_of_the_setting(settings: Settings) -> None:
    settings.OCEANENGINE_HARMONY_PLATFORM = "ohos"

    assert report_body(os="harmony", device={"oaid": "o"})["context"]["device"] == {"platform": "ohos", "oaid": "o"}


def test_query_is_not_asked_about_harmony() -> None:
    device = {"oaid": "o", "android_id": "a1", "idfv": "v1"}

    assert OceanEngineQuery().question(os="harmony", device=device, package="p", activated_at=AT) is None


def test_report_has_milliseconds_and_no_amount_unless_paid() -> None:
    assert report_body()["timestamp"] == 1795406400123
    assert report_body()["properties"] == {}
    assert report_body(amount_fen=0)["properties"] == {"pay_amount": 0, "order_id": "e-1"}


@responses.activate
def test_answer_in_strings_and_with_ids_of_64_bits_is_understood() -> None:
    responses.post(URL, body=json.dumps({
        "code": "0", "message": "成功", "callback_param": "cb", "advertiser_id": "1768433294857219",
        "project_id": 2**63 - 1, "promotion_id": 0, "aid": None, "aid_name": "a\x00b", "last_touch_time": 1753786532,
        "active_time": 10**30, "campaign_name": "x" * 300,
    }))  # fmt: skip

    answer, _reply = OceanEngineQuery().ask("{}")

    assert answer.is_attributed
    assert answer.ad == Ad(
        advertiser_id=1768433294857219, campaign_id=2**63 - 1, campaign_name="x" * 255, ad_name="ab",
        platform_ad={"project_id": 2**63 - 1, "campaign_name": "x" * 255, "aid_name": "ab"},
    )  # fmt: skip
    assert answer.touched_at == datetime(2025, 7, 29, 10, 55, 32, tzinfo=UTC)
    assert answer.activated_at is None


@responses.activate
@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"code": {}}', "{}"])
def test_answer_that_is_not_the_vendors_is_unknown(body: str) -> None:
    responses.post(URL, body=body)

    with pytest.raises(PlatformUnavailable) as found:
        OceanEngineQuery().ask("{}")

    assert (found.value.is_unknown, found.value.reply.http_status) == (True, 200)


@responses.activate
@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", None), ("soon", None), ("", None)]
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    responses.post(URL, status=429, headers={"Retry-After": value})

    with pytest.raises(PlatformUnavailable) as found:
        OceanEngineQuery().ask("{}")

    assert found.value.is_throttled
    if "GMT" in value:
        assert found.value.retry_after_s is not None
        assert found.value.retry_after_s < 0
    else:
        assert found.value.retry_after_s == seconds


@responses.activate
@pytest.mark.parametrize("status", [400, 404, 410, 413, 422])
def test_other_statuses_of_the_400s_are_refusals(status: int) -> None:
    responses.post(URL, status=status, body="no")

    with pytest.raises(PlatformRejected, match=f"HTTP {status}"):
        OceanEngineQuery().ask("{}")


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 408, 425, 500, 502, 503, 504])
def test_statuses_that_are_tried_again(status: int) -> None:
    responses.post(URL, status=status, headers={"Location": "https://elsewhere.example"})

    with pytest.raises(PlatformUnavailable, match=f"HTTP {status}"):
        OceanEngineQuery().ask("{}")
