"""The report handler that people copy from blogs, branch by branch: what it did, Rivermouth does, from the endpoint on.

The handler took a type, a system and a device; asked the platform which ad the user came from, under the package of the
user's store; kept the answer; asked again at every event but a payment; and reported it with the newest callback.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from attribution.models import Attribution, ChannelPackage, Conversion
from attribution.models.roll_ups import EventDay
from attribution.statistics import summing
from tests.attribution.conftest import Pipeline, server_client

pytestmark = pytest.mark.django_db(transaction=True)

ANDROID = {"os": 0, "android_id": "5f8c1e0b7a92d346"}
IPHONE = {"os": 1, "idfv": "6F5E2C9A-1B7D-4E3F-8A90-123456789ABC"}
PAID = {"amount": 648, "outer_event_id": "order-1"}


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    pipeline.now = timezone.now()  # the endpoint's clock
    for each in (ANDROID["android_id"], IPHONE["idfv"]):
        pipeline.device(str(each))
    return pipeline


def happen(pipeline: Pipeline, event: Any, **fields: Any) -> Conversion:
    """Report it, and deliver what is due."""
    answer = server_client(pipeline.app).post(
        "/api/events/", {"event": event, "user_id": 1796071960} | fields, format="json"
    )
    assert answer.status_code == 202, answer.content
    pipeline.now = max(pipeline.now, timezone.now())
    pipeline.deliver()
    return Conversion.objects.get(pk=answer.json()["id"])


def last_report(pipeline: Pipeline) -> dict[str, Any]:
    body: dict[str, Any] = pipeline.ledger()["conversions"][-1]["body"]
    return body


# The type.


@pytest.mark.parametrize(
    ("number", "word", "fields"),
    [
        (0, "active", {}), (1, "active_register", {}), (2, "active_pay", PAID), (6, "next_day_open", {}),
        (25, "game_addiction", {}),
    ],
)  # fmt: skip
def test_type_is_the_platforms_event(pipeline: Pipeline, number: int, word: str, fields: dict[str, Any]) -> None:
    happen(pipeline, number, **ANDROID, **fields)

    assert last_report(pipeline)["event_type"] == word


def test_payment_has_its_amount_in_fen_and_its_order(pipeline: Pipeline) -> None:
    happen(pipeline, 2, **ANDROID, **PAID)

    sent = last_report(pipeline)
    assert (sent["properties"], sent["outer_event_id"]) == ({"pay_amount": 648, "order_id": "order-1"}, "order-1")


# The system.


@pytest.mark.parametrize(("phone", "platform", "name"), [(ANDROID, "android", "android_id"), (IPHONE, "ios", "idfv")])
def test_system_decides_by_which_id_is_asked_and_reported(
    pipeline: Pipeline, phone: dict[str, Any], platform: str, name: str
) -> None:
    happen(pipeline, 0, **phone)

    [asked] = pipeline.ledger()["lookups"]
    assert (asked["body"]["platform"], asked["body"][name]) == (platform, phone[name])
    assert last_report(pipeline)["context"]["device"] == {"platform": platform, name: phone[name]}


# The channel.


@pytest.mark.parametrize(("channel", "package"), [("HuaWei", "com.example.huawei"), ("xiaomi", "com.example.demo")])
def test_channel_decides_under_which_package_is_asked(pipeline: Pipeline, channel: str, package: str) -> None:
    ChannelPackage.objects.create(app=pipeline.app, channel="HuaWei", package="com.example.huawei")

    happen(pipeline, 0, **ANDROID, channel=channel)

    [asked] = pipeline.ledger()["lookups"]
    assert asked["body"]["package_name"] == package


# The stored attribution.


def test_answer_is_stored_and_later_events_use_it(pipeline: Pipeline) -> None:
    happen(pipeline, 0, **ANDROID)
    happen(pipeline, 2, **PAID)

    stored = Attribution.objects.get()
    assert len(pipeline.ledger()["lookups"]) == 1
    assert [found["body"]["context"]["ad"]["callback"] for found in pipeline.ledger()["conversions"]] == [
        stored.callback_param,
        stored.callback_param,
    ]


@pytest.mark.parametrize(("event", "fields", "questions"), [(1, {}, 2), (2, PAID, 1)], ids=["registration", "payment"])
def test_every_event_but_a_payment_asks_again_once_the_answer_is_old(
    pipeline: Pipeline, event: int, fields: dict[str, Any], questions: int
) -> None:
    """The handler asked each time; an answer of today is asked for once."""
    happen(pipeline, 0, **ANDROID)
    Attribution.objects.update(asked_at=pipeline.now - timedelta(hours=25), callback_param="B.old")

    happen(pipeline, event, **ANDROID, **fields)

    assert len(pipeline.ledger()["lookups"]) == questions
    assert (Attribution.objects.get().callback_param == "B.old") is (event == 2)


# No callback.


def test_user_of_no_ad_is_not_reported(pipeline: Pipeline) -> None:
    pipeline.device(str(ANDROID["android_id"]), attributed=False)

    row = happen(pipeline, 0, **ANDROID)

    assert (row.state, pipeline.ledger()["conversions"]) == ("organic", [])


# A code that is not 0.


@pytest.mark.parametrize("on", ["attribution", "conversion"])
def test_code_that_is_not_0_is_tried_again(pipeline: Pipeline, on: str) -> None:
    """The handler wrote a log line, and the conversion was lost."""
    pipeline.fault(on, "error_in_200", code=99, message="服务器繁忙", times=1)

    row = happen(pipeline, 0, **ANDROID)
    failed = row.state
    pipeline.deliver_when_due(row)

    assert (failed, row.state) == ("pending", "reported")


# The counters.


def test_events_are_counted_by_day_whatever_the_platform_says(pipeline: Pipeline) -> None:
    for number, event in enumerate((0, 1, 2, 2, 6, 25)):
        happen(pipeline, event, **ANDROID, **(PAID | {"outer_event_id": f"order-{number}"} if event == 2 else {}))
    happen(pipeline, 0, **ANDROID)  # a repeat
    summing.catch_up(pipeline.now)

    counted = EventDay.objects.values(
        "activations", "registrations", "payments", "amount_fen", "next_day_opens", "key_behaviours"
    )
    assert list(counted) == [
        {
            "activations": 1,
            "registrations": 1,
            "payments": 2,
            "amount_fen": 1296,
            "next_day_opens": 1,
            "key_behaviours": 1,
        }
    ]
