"""Asking again about users who have an ad: the same ad renews the callback, another one may bring a user back."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from attribution.models import App, Attribution, Conversion, EarlierAttribution
from attribution.statistics import summing
from tests.attribution import ad_world
from tests.attribution.conftest import Pipeline

FIRST, SECOND = 1768433294857219, 1791826603349003
PHONE = {"android_id": "renewed"}


@pytest.fixture(autouse=True)
def _one_ad(pipeline: Pipeline) -> None:
    pipeline.device("renewed", advertiser_id=FIRST)


def callbacks(pipeline: Pipeline) -> list[str]:
    return [found["body"]["context"]["ad"]["callback"] for found in pipeline.ledger()["conversions"]]


def asked(pipeline: Pipeline) -> int:
    return len(pipeline.ledger()["lookups"])


def activate(pipeline: Pipeline) -> Conversion:
    activation = pipeline.report(device=PHONE)
    pipeline.deliver()
    return activation


def fate(conversion: Conversion) -> tuple[str, str, bool]:
    conversion.refresh_from_db()
    return conversion.state, conversion.reason, conversion.due_at is None


def come_back(pipeline: Pipeline, *, days: float, **rule: Any) -> Conversion:
    """The same event after so many days, with what the platform knows by then."""
    pipeline.wait(days=days)
    pipeline.device("renewed", **({"advertiser_id": SECOND} | rule))
    again = pipeline.report(device=PHONE)
    pipeline.deliver()
    pipeline.deliver()
    return again


def test_event_a_day_later_goes_out_with_the_newest_callback_of_the_ad(pipeline: Pipeline) -> None:
    activate(pipeline)
    pipeline.wait(hours=25)
    callback = pipeline.device("renewed", advertiser_id=FIRST, clicks=2)["callback_param"]
    register = pipeline.report("active_register", device=PHONE)

    pipeline.deliver()

    assert fate(register) == ("reported", "", True)
    assert (asked(pipeline), callbacks(pipeline)[-1]) == (2, callback)
    row = Attribution.objects.get()
    assert (row.callback_param, row.asked_at) == (callback, pipeline.now)
    assert not EarlierAttribution.objects.exists()


@pytest.mark.parametrize(
    ("hours", "event", "setting", "times"),
    [(23, "active_register", 24, 1), (25, "active_register", 24, 2), (25, "active_pay", 24, 1),
     (2, "active_register", 1, 2), (25, "active_register", 0, 1)],
)  # fmt: skip
def test_payments_and_fresh_answers_ask_nothing(
    pipeline: Pipeline, settings: Settings, hours: int, event: str, setting: int, times: int
) -> None:
    settings.ATTRIBUTION_REFRESH_H = setting
    activate(pipeline)
    pipeline.wait(hours=hours)
    pipeline.report(event, device=PHONE)

    pipeline.deliver()

    assert asked(pipeline) == times


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "status", "status": 401}, {"kind": "error_in_200", "code": 99},
     {"kind": "reset_before"}],
    ids=str,
)  # fmt: skip
def test_platform_that_can_not_be_asked_delays_nothing(pipeline: Pipeline, fault: dict[str, Any]) -> None:
    activate(pipeline)
    first_asked_at = pipeline.now
    pipeline.wait(hours=25)
    pipeline.fault("attribution", **fault)
    rows = [pipeline.report(event, device=PHONE) for event in ("active_register", "next_day_open")]

    pipeline.deliver()

    assert [fate(row) for row in rows] == [("reported", "", True)] * 2
    assert Attribution.objects.get().asked_at == first_asked_at


def test_query_behind_an_open_breaker_delays_nothing(pipeline: Pipeline, settings: Settings) -> None:
    settings.BREAKER_FAILURES = 1
    activate(pipeline)
    pipeline.wait(hours=25)
    pipeline.fault("attribution", "status", status=503)
    pipeline.report(user="u-2", device={"android_id": "new"})
    pipeline.deliver()
    register = pipeline.report("active_register", device=PHONE)

    pipeline.deliver()

    assert fate(register) == ("reported", "", True)


def test_ad_stays_where_the_platform_knows_none_any_more(pipeline: Pipeline) -> None:
    activate(pipeline)
    pipeline.wait(hours=25)
    pipeline.device("renewed", attributed=False)
    register = pipeline.report("active_register", device=PHONE)

    pipeline.deliver()

    assert fate(register) == ("reported", "", True)
    assert (Attribution.objects.get().advertiser_id, Attribution.objects.get().asked_at) == (FIRST, pipeline.now)


def test_refused_event_is_sent_with_the_renewed_callback(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "error_in_200", code=107, times=1)
    activation = activate(pipeline)
    pipeline.wait(hours=25)
    callback = pipeline.device("renewed", advertiser_id=FIRST, clicks=3)["callback_param"]
    pipeline.report("active_register", device=PHONE)

    pipeline.deliver()
    pipeline.deliver()

    assert fate(activation) == ("reported", "", True)
    assert callbacks(pipeline) == [callback, callback]


def test_repeat_of_a_reported_event_renews_the_callback_and_reports_nothing(pipeline: Pipeline) -> None:
    activation = activate(pipeline)

    again = come_back(pipeline, days=2, advertiser_id=FIRST, clicks=2)

    assert again.pk == activation.pk
    assert fate(activation) == ("reported", "", True)
    assert (asked(pipeline), pipeline.reports()) == (2, [("active", 1)])
    assert Attribution.objects.get().asked_at == pipeline.now


@pytest.mark.parametrize(
    ("days", "silent_for", "rule", "is_brought_back"),
    [
        (30, 31, {}, True),
        (30, 29, {}, False),
        (0, 400, {}, False),
        (30, 31, {"advertiser_id": FIRST}, False),
        (30, 31, {"touched_s_ago": 60 * 24 * 3600}, False),
    ],
    ids=["silent for long", "not for long enough", "never", "same ad", "old click"],
)
def test_newer_click_brings_a_silent_user_back(
    pipeline: Pipeline, days: int, silent_for: float, rule: dict[str, Any], is_brought_back: bool
) -> None:
    App.objects.update(reattribution_days=days)
    activation = activate(pipeline)

    come_back(pipeline, days=silent_for, **rule)

    assert Attribution.objects.get().advertiser_id == (SECOND if is_brought_back else FIRST)
    assert EarlierAttribution.objects.count() == is_brought_back
    assert [event for event, _sends in pipeline.reports()] == ["active"] * (1 + is_brought_back)
    assert fate(activation) == ("reported", "", True)


def test_both_ads_stay_in_the_history(pipeline: Pipeline) -> None:
    App.objects.update(reattribution_days=30)
    activation = activate(pipeline)
    left_at = pipeline.now

    come_back(pipeline, days=40)

    [earlier], current = EarlierAttribution.objects.all(), Attribution.objects.get()
    assert (earlier.advertiser_id, earlier.activated_at, earlier.replaced_at) == (
        FIRST, earlier.activated_at, pipeline.now,
    )  # fmt: skip
    returned = Conversion.objects.get(rule="re-attribution")
    activation.refresh_from_db()
    assert (activation.earlier_attribution, activation.advertiser_id) == (earlier, FIRST)
    assert (returned.earlier_attribution, returned.attribution, returned.advertiser_id) == (None, current, SECOND)
    assert (returned.event, returned.occurred_at, returned.state) == ("active", pipeline.now, "reported")
    assert returned.outer_event_id != activation.outer_event_id
    assert left_at < returned.occurred_at


def test_user_who_was_seen_meanwhile_was_not_silent(pipeline: Pipeline) -> None:
    App.objects.update(reattribution_days=30)
    activate(pipeline)
    come_back(pipeline, days=20, advertiser_id=FIRST)

    come_back(pipeline, days=20)

    assert Attribution.objects.get().advertiser_id == FIRST


def test_return_is_reported_once_however_often_it_is_posted(pipeline: Pipeline) -> None:
    App.objects.update(reattribution_days=30)
    activate(pipeline)
    come_back(pipeline, days=40)
    for _day in range(3):
        come_back(pipeline, days=2)

    assert pipeline.reports() == [("active", 1), ("active", 1)]


def test_sums_keep_each_event_at_its_ad(pipeline: Pipeline) -> None:
    App.objects.update(reattribution_days=30)
    activate(pipeline)
    pipeline.report("active_pay", device=PHONE)
    pipeline.deliver()
    come_back(pipeline, days=40)
    pipeline.wait(hours=1)
    pipeline.report("active_pay", device=PHONE, outer_event_id="order-2", amount_fen=5)
    pipeline.deliver()

    summing.catch_up(pipeline.now + timedelta(minutes=1))

    sums = ad_world.stored(pipeline.app)["events"]
    amounts = {key[3]: [0, 0] for key in sums}
    for key, values in sums.items():
        amounts[key[3]][0] += values[0]
        amounts[key[3]][1] += values[4]
    assert amounts == {FIRST: [1, 1999], SECOND: [1, 5]}
