"""Events in the platforms' words, and under the app's own names: from the endpoint to the platform."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from attribution.events import known_apps
from attribution.models import Conversion, EventRule
from attribution.models.roll_ups import EventDay
from attribution.statistics import summing
from tests.attribution.conftest import ANDROID_ID, Pipeline, server_client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    """The device came from an ad, and its user has been activated."""
    pipeline.now = timezone.now()  # the endpoint's clock
    pipeline.device(ANDROID_ID)
    pipeline.report()
    pipeline.deliver()
    return pipeline


def post(pipeline: Pipeline, **event: Any) -> tuple[int, Any]:
    known_apps._known.clear()  # what a process caches for a few seconds
    sent = {"user_id": "u-1", "os": "android", "android_id": ANDROID_ID, "occurred_at": pipeline.now.isoformat()}
    answer = server_client(pipeline.app).post("/api/events/", sent | event, format="json")
    return answer.status_code, answer.json()


def sent(pipeline: Pipeline) -> list[tuple[str, Any]]:
    """What the platform received after the activation."""
    pipeline.now = Conversion.objects.order_by("-received_at")[0].received_at
    pipeline.deliver()
    bodies = [found["body"] for found in pipeline.ledger()["conversions"][1:]]
    return [(body["event_type"], body["properties"]) for body in bodies]


@pytest.mark.parametrize(
    ("event", "got"),
    [
        ({"event": "ecom_refund", "properties": {"order_id": "A-1"}}, ("ecom_refund", {"order_id": "A-1"})),
        ({"event": "lt_roi", "properties": {"pay_amount": 12}}, ("lt_roi", {"pay_amount": 12})),
        ({"event": 3}, ("form", {})),
        (
            {"event": "in_app_pay", "amount": 1999, "outer_event_id": "A-2"},
            ("in_app_pay", {"pay_amount": 1999, "order_id": "A-2"}),
        ),
        (
            {
                "event": "active_pay",
                "amount": 1999,
                "outer_event_id": "A-3",
                "properties": {"pay_amount": 1, "level": 7},
            },
            ("active_pay", {"pay_amount": 1999, "order_id": "A-3", "level": 7}),
        ),
    ],
)
def test_any_word_of_the_platform_is_reported_with_its_properties(pipeline: Pipeline, event: Any, got: Any) -> None:
    status, _answer = post(pipeline, **event)

    assert (status, sent(pipeline)) == (202, [got])


def test_other_words_count_once_per_id_or_once_per_user(pipeline: Pipeline) -> None:
    ids = ["", "a", "a", "b", ""]

    answers = [post(pipeline, event="in_app_order", outer_event_id=event_id)[1] for event_id in ids]

    assert [answer["duplicate"] for answer in answers] == [False, False, True, False, True]


def rule(pipeline: Pipeline, name: str, event: str, **more: Any) -> EventRule:
    pipeline.app.event_rules.filter(name=name).delete()
    return EventRule.objects.create(app=pipeline.app, name=name, event=event, **more)


def test_own_name_is_reported_in_the_platforms_word(pipeline: Pipeline) -> None:
    rule(pipeline, "会员开通", "customer_effective")

    status, answer = post(pipeline, event="会员开通")

    row = Conversion.objects.get(pk=answer["id"])
    assert (status, row.event, row.app_event) == (202, "customer_effective", "会员开通")
    assert sent(pipeline) == [("customer_effective", {})]


def test_own_name_of_a_payment_counts_as_a_payment(pipeline: Pipeline) -> None:
    rule(pipeline, "vip_bought", "active_pay", amount_property="price", amount_unit="yuan")

    refused = post(pipeline, event="vip_bought", outer_event_id="V-1")
    odd = post(pipeline, event="vip_bought", outer_event_id="V-1", properties={"price": "much"})
    post(pipeline, event="vip_bought", outer_event_id="V-1", properties={"price": "19.99"})
    summing.catch_up(pipeline.now)

    assert refused == (400, {"amount": ["Required for a payment."]})
    assert odd == (400, {"properties": {"price": ["'much' is not an amount of money."]}})
    assert sent(pipeline) == [("active_pay", {"price": "19.99", "pay_amount": 1999, "order_id": "V-1"})]
    assert sum(EventDay.objects.values_list("amount_fen", flat=True)) == 1999


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        ({}, ["", ""]),
        ({"is_enabled": False}, ["rule_switched_off", "rule_switched_off"]),
        ({"count": "first"}, ["", "not_first"]),
        ({"within_days": 1}, ["", "after_rule_window"]),
        ({"platform": "elsewhere", "is_enabled": False}, ["", ""]),
    ],
)
def test_rule_decides_what_is_reported(pipeline: Pipeline, options: Any, reasons: list[str]) -> None:
    rule(pipeline, "level_up", "game_addiction")
    rule(pipeline, "lesson", "in_app_order", **options)
    if "platform" in options:
        EventRule.objects.create(app=pipeline.app, name="lesson", event="in_app_order")

    for number, days in enumerate([0, 2]):
        pipeline.report(
            "in_app_order",
            app_event="lesson",
            outer_event_id=f"{number}",
            occurred_at=pipeline.now + timedelta(days=days),
        )
    pipeline.deliver()

    rows = Conversion.objects.filter(event="in_app_order").order_by("occurred_at")
    assert [row.reason for row in rows] == reasons


def test_rule_of_one_platform_goes_before_the_rule_for_all(pipeline: Pipeline) -> None:
    rule(pipeline, "lesson", "in_app_order")
    EventRule.objects.create(app=pipeline.app, name="lesson", platform="oceanengine", event="in_app_pay")

    post(pipeline, event="lesson")

    assert sent(pipeline) == [("in_app_pay", {})]


def test_our_own_word_can_be_reported_as_another(pipeline: Pipeline) -> None:
    rule(pipeline, "active_register", "form")

    _status, answer = post(pipeline, event="active_register")

    assert Conversion.objects.get(pk=answer["id"]).event == "active_register"
    assert sent(pipeline) == [("form", {})]


def test_app_begins_with_rules_for_our_words(pipeline: Pipeline) -> None:
    rules = pipeline.app.event_rules.values_list("name", "event", "platform", "is_enabled")

    words = ["active", "active_register", "active_pay", "next_day_open", "game_addiction"]
    assert sorted(rules) == sorted((word, word, "", True) for word in words)


def test_unknown_name_is_refused_with_the_nearest_rule(pipeline: Pipeline) -> None:
    rule(pipeline, "vip_bought", "in_app_order")

    status, answer = post(pipeline, event="vipBougth")

    assert status == 400
    assert "Did you mean vip_bought?" in answer["event"][0]
