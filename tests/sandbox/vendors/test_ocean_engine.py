import time
from typing import Any

import pytest
import requests

from sandbox.vendors.ads import ADS, callback_param
from tests.sandbox.conftest import SandboxClient

ATTRIBUTION, CONVERSION = "/sdk/app/attribution/", "/api/v2/conversion"
ADVERTISER_ID = ADS[0].advertiser_id

# The vendor's answer for a device that no ad brought, apart from its id and time.
NOT_ATTRIBUTED: dict[str, Any] = {
    "code": 0, "message": "成功", "adv_idfv": "", "adv_android_id": "organic-1", "idfa": "", "caid": "", "oaid": "",
    "odid": "", "is_dp_open": False, "activation_window": 30, "last_touch_time": 0, "project_id": 0,
    "project_name": "", "promotion_id": 0, "promotion_name": "", "aid": 0, "aid_name": "", "cid": 0, "cid_name": "",
    "advertiser_id": 0, "req_id": "", "track_id": "", "callback_param": "", "callback_url": "", "mid1": 0, "mid2": 0,
    "mid3": 0, "mid4": 0, "mid5": 0, "mid6": 0, "active_track_url": "", "action_track_url": "", "csite": 0,
    "union_site": 0, "campaign_name": "", "campaign_id": 0, "convert_source": "others", "demand_id": 0, "item_id": 0,
}  # fmt: skip


def query(device_id: str) -> dict[str, str]:
    return {"platform": "android", "android_id": device_id, "package_name": "com.example.app"}


def report(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "event_type": "active_pay",
        "context": {
            "ad": {"callback": callback_param(ADVERTISER_ID, "device"), "match_type": 0},
            "device": {"platform": "android", "android_id": "device"},
        },
        "properties": {"pay_amount": 1999, "order_id": "A-1"},
        "outer_event_id": "A-1",
        "timestamp": 1604888786102,
    }
    return {**fields, **changes}


def test_organic_device_has_the_vendors_exact_answer(sandbox: SandboxClient) -> None:
    answer = sandbox.post(ATTRIBUTION, query("organic-1")).json()

    assert time.time() - answer.pop("active_time") < 10
    assert answer == NOT_ATTRIBUTED


def test_attributed_device_has_its_ad_and_a_callback(sandbox: SandboxClient) -> None:
    answers = [sandbox.post(ATTRIBUTION, {**query(""), "platform": "ios", "idfv": "D-1"}).json() for _ in range(2)]

    assert answers[0]["callback_param"] == answers[1]["callback_param"] != ""
    assert set(answers[0]) == {*NOT_ATTRIBUTED, "active_time"}
    assert answers[0]["advertiser_id"] in {ad.advertiser_id for ad in ADS}
    assert (answers[0]["adv_idfv"], answers[0]["adv_android_id"]) == ("D-1", "")
    assert 10 <= answers[0]["active_time"] - answers[0]["last_touch_time"] <= 172_810


def test_callback_of_an_answer_is_accepted_in_a_report(sandbox: SandboxClient) -> None:
    callback = sandbox.post(ATTRIBUTION, query("device")).json()["callback_param"]
    context = {"ad": {"callback": callback}, "device": {"platform": "android", "android_id": "device"}}

    response = sandbox.post(CONVERSION, report(context=context))

    assert (response.status_code, response.json()) == (200, {"code": 0, "message": "成功"})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in report().items() if key != name}


@pytest.mark.parametrize(
    ("path", "payload", "code", "message"),
    [
        (ATTRIBUTION, {**query("d"), "platform": "Android"}, 102, "参数错误: platform"),
        (ATTRIBUTION, query(""), 101, "缺少参数: android_id"),
        (ATTRIBUTION, {**query("d"), "platform": "ios"}, 101, "缺少参数: idfv"),
        (ATTRIBUTION, {**query("d"), "package_name": ""}, 101, "缺少参数: package_name"),
        (ATTRIBUTION, query(7), 102, "参数错误: Expected `str`, got `int` - at `$.android_id`"),  # type: ignore[arg-type]  # the point
        (CONVERSION, without("event_type"), 101, "缺少参数: event_type"),
        (CONVERSION, without("timestamp"), 101, "缺少参数: timestamp"),
        (CONVERSION, without("context"), 101, "缺少参数: context.ad.callback"),
        (
            CONVERSION,
            report(context={"ad": {"callback": "B.x"}, "device": {"platform": "android"}}),
            101,
            "缺少参数: context.device",
        ),
        (CONVERSION, report(timestamp=1604888786), 102, "参数错误: timestamp 应为毫秒"),
        (
            CONVERSION,
            report(context={"ad": {"callback": "B.x"}, "device": {"platform": "android", "imei": "i"}}),
            103,
            "callback 无效",
        ),
        (
            CONVERSION,
            report(properties={"pay_amount": 19.99}),
            102,
            "参数错误: Expected `int | null`, got `float` - at `$.properties.pay_amount`",
        ),
    ],
)
def test_bad_request_gets_a_code_in_a_200(
    sandbox: SandboxClient, path: str, payload: dict[str, Any], code: int, message: str
) -> None:
    response = sandbox.post(path, payload)

    ledger = sandbox.ledger()
    assert (response.status_code, response.json()) == (200, {"code": code, "message": message})
    assert [refused["reason"] for refused in ledger["refused"]] == [code]
    assert (ledger["conversions"], ledger["lookups"]) == ([], [])


@pytest.mark.parametrize("path", [ATTRIBUTION, CONVERSION])
@pytest.mark.parametrize("body", [b"", b"{", b'{"other":"\xff"}'])
def test_body_that_is_not_json_has_the_vendors_code(sandbox: SandboxClient, path: str, body: bytes) -> None:
    response = requests.post(sandbox.url + path, body, timeout=5)

    answer = {"code": 100, "message": "无效的请求,请求数据解析失败"}
    assert (response.status_code, response.json()) == (200, answer)


def test_device_can_be_made_organic_and_attributed(sandbox: SandboxClient) -> None:
    sandbox.post("/_devices", {"device_id": "device", "attributed": False})
    promised = sandbox.post("/_devices", {"device_id": "organic-1", "advertiser_id": 42}).json()

    organic = sandbox.post(ATTRIBUTION, query("device")).json()
    attributed = sandbox.post(ATTRIBUTION, query("organic-1")).json()

    assert organic["callback_param"] == ""
    assert promised == {"advertiser_id": 42, "callback_param": attributed["callback_param"]}
    assert attributed["advertiser_id"] == 42


def test_device_is_attributed_after_some_lookups(sandbox: SandboxClient) -> None:
    sandbox.post("/_devices", {"device_id": "late", "after_lookups": 2})

    answers = [sandbox.post(ATTRIBUTION, query("late")).json() for _ in range(3)]

    assert [bool(answer["callback_param"]) for answer in answers] == [False, False, True]
    assert [lookup["attributed"] for lookup in sandbox.ledger()["lookups"]] == [False, False, True]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({}, "Object missing required field `device_id`"),
        ({"device_id": "d", "advertisers": 1}, "Object contains unknown field `advertisers`"),
        ({"device_id": "d", "after_lookups": -1}, "Expected `int` >= 0 - at `$.after_lookups`"),
    ],
)
def test_bad_device_rule_is_refused(sandbox: SandboxClient, rule: dict[str, object], error: str) -> None:
    response = sandbox.post("/_devices", rule)

    assert (response.status_code, response.json()) == (400, {"error": error})
