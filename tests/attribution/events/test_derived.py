"""Events derived by an app's rules. 04:00 UTC, the fixture's clock, is noon in Shanghai."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attribution.events import intake, known_apps
from attribution.events.reported import ReportedEvent
from attribution.models import App, Conversion
from foundation.hooks.activity import Activity
from tests.attribution.conftest import ANDROID_ID, NOW, Pipeline


def derived(event: str) -> list[tuple[str, str]]:
    return list(Conversion.objects.filter(event=event).values_list("user_id", "rule"))


@pytest.fixture
def next_day(pipeline: Pipeline) -> Pipeline:
    pipeline.app.derives_next_day_open = True
    pipeline.app.save()
    return pipeline


@pytest.fixture
def three_payments(pipeline: Pipeline) -> Pipeline:
    pipeline.app.key_behaviour_event = "active_pay"
    pipeline.app.key_behaviour_count = 3
    pipeline.app.key_behaviour_hours = 24
    pipeline.app.save()
    return pipeline


@pytest.mark.parametrize(
    ("second_event_at", "is_derived"),
    [
        (datetime(2026, 11, 23, 15, 59, tzinfo=UTC), False),  # 23:59 of the same day in Shanghai
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), True),  # midnight
        (datetime(2026, 11, 24, 15, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), False),  # the day after
    ],
)
def test_next_day_open_follows_the_calendar(next_day: Pipeline, second_event_at: datetime, is_derived: bool) -> None:
    next_day.report("active")

    next_day.report("active_register", occurred_at=second_event_at)

    rule = "first event on 2026-11-24, the day after the activation"
    assert derived("next_day_open") == ([("u-1", rule)] if is_derived else [])


def test_next_day_open_is_made_once_and_by_a_repeated_event_too(next_day: Pipeline) -> None:
    next_day.report("active")
    next_day.wait(days=1)

    for _start in range(3):
        next_day.report("active")

    assert len(derived("next_day_open")) == 1
    next_day.deliver()
    assert sorted(next_day.reports()) == [("active", 1), ("next_day_open", 1)]


def test_next_day_open_is_the_first_event_of_a_list(next_day: Pipeline) -> None:
    next_day.report("active")
    morning, evening = NOW + timedelta(days=1), NOW + timedelta(days=1, hours=8)
    usual: dict[str, Any] = {"app_id": next_day.app.pk, "user_id": "u-1", "os": "android", "device": {}}
    late = ReportedEvent(event="active_register", occurred_at=evening, **usual)
    early = ReportedEvent(event="game_addiction", occurred_at=morning, **usual)

    intake.receive([late, early], now=evening)

    assert Conversion.objects.get(event="next_day_open").occurred_at == morning


def test_next_day_open_follows_an_activation_that_comes_late(next_day: Pipeline) -> None:
    next_day.report("active_register", occurred_at=NOW + timedelta(days=1))
    next_day.report("active_pay", occurred_at=NOW + timedelta(days=2))
    next_day.report("active_register", user="u-2", occurred_at=NOW + timedelta(days=1))

    next_day.report("active")

    [opened] = Conversion.objects.filter(event="next_day_open")
    assert (opened.user_id, opened.occurred_at) == ("u-1", NOW + timedelta(days=1))
    assert opened.device_ids == {"android_id": ANDROID_ID}


def test_next_day_open_needs_an_activation(next_day: Pipeline) -> None:
    next_day.report("active_register")
    next_day.wait(days=1)
    next_day.report("active_pay")

    assert derived("next_day_open") == []


def test_nothing_is_derived_unless_the_app_says_so(pipeline: Pipeline) -> None:
    pipeline.report("active")
    pipeline.wait(days=1)
    pipeline.report("active_pay")

    assert Conversion.objects.filter(event__in=["next_day_open", "game_addiction"]).count() == 0


def test_key_behaviour_follows_the_count(three_payments: Pipeline) -> None:
    three_payments.report("active")
    for number in range(2):
        three_payments.report("active_pay", outer_event_id=f"order-{number}")
    assert derived("game_addiction") == []

    three_payments.report("active_pay", outer_event_id="order-3")

    assert derived("game_addiction") == [("u-1", "3 × active_pay within 24 h of the activation")]
    assert Conversion.objects.get(event="game_addiction").device_ids == {"android_id": ANDROID_ID}


def test_key_behaviour_does_not_count_what_is_too_late_or_anothers(three_payments: Pipeline) -> None:
    three_payments.report("active")
    three_payments.report("active", user="u-2")
    three_payments.report("active_pay", outer_event_id="order-1")
    three_payments.report("active_pay", outer_event_id="order-2", user="u-2")
    three_payments.report("active_pay", outer_event_id="order-3", occurred_at=NOW + timedelta(hours=24))
    three_payments.report("active_pay", outer_event_id="order-4", occurred_at=NOW + timedelta(hours=25))

    assert derived("game_addiction") == []


def test_key_behaviour_follows_an_activation_that_comes_late(three_payments: Pipeline) -> None:
    for hour in (5, 1, 3):
        three_payments.report("active_pay", outer_event_id=f"order-{hour}", occurred_at=NOW + timedelta(hours=hour))

    three_payments.report("active")

    assert Conversion.objects.get(event="game_addiction").occurred_at == NOW + timedelta(hours=5)


def test_key_behaviour_is_not_made_by_what_comes_after_its_hours(three_payments: Pipeline) -> None:
    App.objects.update(key_behaviour_event="")
    three_payments.report("active")
    for number in range(3):
        three_payments.report("active_pay", outer_event_id=f"order-{number}")
    App.objects.update(key_behaviour_event="active_pay")
    known_apps._known.clear()

    three_payments.report("active_pay", outer_event_id="order-4", occurred_at=NOW + timedelta(hours=25))

    assert derived("game_addiction") == []


@pytest.mark.parametrize(("chats", "hours", "is_derived"), [(5, 2, True), (4, 2, False), (5, 49, False)])
def test_chats_may_be_the_key_behaviour(pipeline: Pipeline, chats: int, hours: int, is_derived: bool) -> None:
    pipeline.app.key_behaviour_event = "chat"
    pipeline.app.key_behaviour_count = 5
    pipeline.app.key_behaviour_hours = 48
    pipeline.app.save()
    pipeline.report("active")

    intake.receive_activity(
        Activity(
            kind="chat",
            app_id=pipeline.app.pk,
            user_id="u-1",
            occurred_at=NOW + timedelta(hours=hours),
            count_between=lambda since, until: chats if (since, until) == (NOW, NOW + timedelta(hours=48)) else 0,
        )
    )

    assert derived("game_addiction") == ([("u-1", "5 × chat within 48 h of the activation")] if is_derived else [])
