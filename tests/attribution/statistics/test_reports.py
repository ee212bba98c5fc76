from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from attribution.admin.pages.dashboard import TOP_AD_COLUMNS
from attribution.models import App, Conversion, Destination, State
from attribution.statistics import reports, summing, table
from attribution.statistics.figures import BY_NAME, FIGURES
from attribution.statistics.reports import Step
from attribution.statistics.scopes import Scope
from tests.attribution.ad_world import ADS, Ad, World

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WEEK = Scope(since=date(2026, 11, 17), until=TODAY)


@pytest.fixture
def world(app: App) -> World:
    return World(app)


def whole(numbers: Mapping[str, Any], *, is_cohort: bool = False) -> dict[str, Any]:
    """The sums of one view, without the zeros."""
    names = [figure.name for figure in FIGURES if figure.formula.is_whole and figure.is_cohort == is_cohort]
    return {name: numbers[name] for name in names if numbers[name]}


def breakdown(scope: Scope, group_by: list[str]) -> list[dict[str, Any]]:
    rows, _totals = table.table(scope, group_by, today=TODAY)
    return rows


def days_ago(days: float) -> datetime:
    return NOON - timedelta(days=days)


def test_scope_of_a_week_follows_the_week_before() -> None:
    previous = Scope(since=date(2026, 11, 10), until=date(2026, 11, 16), ad_id=5)

    assert Scope(since=date(2026, 11, 17), until=date(2026, 11, 23), ad_id=5).previous() == previous


def test_totals_of_nothing_are_zero_and_have_no_rates(world: World) -> None:
    numbers = reports.overview(WEEK, today=TODAY).numbers

    assert numbers == {figure.name: 0 if figure.formula.is_whole else None for figure in FIGURES}


def test_totals_count_a_user_who_paid_on_two_days_once(world: World) -> None:
    for days in (0, 0, 1):
        world.event("active_pay", days_ago(days), amount_fen=300)
    summing.catch_up(NOON)

    overview = reports.overview(WEEK, today=TODAY)

    assert whole(overview.numbers) == {"payments": 3, "paying_users": 1, "amount_fen": 900}
    assert [numbers["paying_users"] for _day, numbers in overview.days] == [0, 0, 0, 0, 0, 1, 1]


def test_user_of_two_days_and_channels_counts_once_in_each_group_and_in_the_total(world: World) -> None:
    world.attribute("twice", ADS[0], at=days_ago(2))
    for days, channel in ((2, "huawei"), (1, "oppo"), (0, "oppo")):
        world.event("active_pay", days_ago(days), user="twice", channel=channel)
    world.event("active_pay", NOON, user="organic", channel="oppo")
    summing.catch_up(NOON)

    by_channel, by_ad, by_day = (table.table(WEEK, [each], today=TODAY) for each in ("channel", "ad", "day"))

    assert {row["channel"]: row["paying_users"] for row in by_channel[0]} == {"": 0, "huawei": 1, "oppo": 2}
    assert {row["ad_id"]: row["paying_users"] for row in by_ad[0]} == {str(ADS[0].ad): 1, None: 1}
    assert [row["paying_users"] for row in by_day[0]] == [1, 1, 2]
    overview = reports.overview(WEEK, today=TODAY)
    assert [totals for _rows, totals in (by_channel, by_ad, by_day)] == [overview.numbers] * 3
    assert whole(overview.numbers) == {"payments": 4, "paying_users": 2, "amount_fen": 400}
    [top] = reports.top_ads(WEEK, TOP_AD_COLUMNS, today=TODAY)
    assert top["paying_users"] == 1


def test_rates_are_quotients_of_sums_and_leave_organic_users_out_of_clicks(world: World) -> None:
    for _ in range(4):
        world.click(NOON)
    world.attribute("bought", ADS[0], at=NOON)
    for user in ("bought", "organic"):
        world.event("active", NOON, user=user)
    world.event("active_register", NOON, user="bought")
    world.event("active_pay", NOON, user="bought", amount_fen=501)
    world.event("game_addiction", NOON, user="organic")
    summing.catch_up(NOON)

    numbers = reports.overview(WEEK, today=TODAY).numbers

    names = ["attributed_activations", "organic_activations", "activation_rate"]
    assert [numbers[name] for name in names] == [1, 1, 0.25]
    names = ["registration_rate", "payment_rate", "key_behaviour_rate", "amount_per_paying_user_fen"]
    assert [numbers[name] for name in names] == [0.5, 0.5, 0.5, 501]


def test_trend_has_every_day_in_order(world: World) -> None:
    world.click(days_ago(2))
    summing.catch_up(NOON)

    trend = reports.overview(Scope(since=date(2026, 11, 20), until=date(2026, 11, 22)), today=TODAY).days

    assert [(day, whole(numbers)) for day, numbers in trend] == [
        (date(2026, 11, 20), {}),
        (date(2026, 11, 21), {"clicks": 1}),
        (date(2026, 11, 22), {}),
    ]


def test_top_ads_are_the_best_of_the_metric_and_named(world: World) -> None:
    for ad, clicks in ((ADS[0], 1), (ADS[1], 3), (ADS[2], 2)):
        for _ in range(clicks):
            world.click(NOON, ad)
    world.event("active", NOON)
    Destination.objects.create(platform="oceanengine", key=str(ADS[1].advertiser_id), name="Example Ltd")
    summing.catch_up(NOON)

    rows = reports.top_ads(WEEK, [BY_NAME["clicks"]], today=TODAY, by="clicks", limit=2)

    assert [row["clicks"] for row in rows] == [3, 2]
    assert rows[0] == {
        "source": "attributed",
        "platform": "oceanengine",
        "advertiser_id": str(ADS[1].advertiser_id),
        "advertiser_name": "Example Ltd",
        "campaign_id": str(ADS[1].campaign),
        "campaign_name": "",
        "ad_id": str(ADS[1].ad),
        "ad_name": f"ad {ADS[1].ad}",
        "clicks": 3,
    }


def test_funnel_follows_attributed_users_only(world: World) -> None:
    for _ in range(4):
        world.click(NOON)
    world.attribute("a", ADS[0], at=NOON)
    world.attribute("b", ADS[0], at=NOON)
    for user in ("a", "b", "organic"):
        world.event("active", NOON, user=user)
    world.event("active_register", NOON, user="a")
    summing.catch_up(NOON)

    assert reports.overview(WEEK, today=TODAY).funnel == [
        Step(name="clicks", count=4, rate=None),
        Step(name="activations", count=2, rate=0.5),
        Step(name="registrations", count=1, rate=0.5),
        Step(name="paying_users", count=0, rate=0.0),
    ]


def test_breakdown_by_channel_has_clicks_under_none(world: World) -> None:
    world.click(NOON)
    world.event("active", NOON, user="a", channel="huawei")
    world.event("active", NOON, user="b")
    summing.catch_up(NOON)

    rows = breakdown(WEEK, ["channel"])

    assert [(row["channel"], whole(row)) for row in rows] == [
        ("", {"clicks": 1, "activations": 1, "organic_activations": 1}),
        ("huawei", {"activations": 1, "organic_activations": 1}),
    ]


def test_scope_of_a_channel_has_no_clicks(world: World) -> None:
    world.click(NOON)
    world.event("active", NOON, channel="huawei")
    summing.catch_up(NOON)

    numbers = reports.overview(Scope(since=TODAY, until=TODAY, channel="huawei"), today=TODAY).numbers
    assert whole(numbers) == {"activations": 1, "organic_activations": 1}


def test_scope_of_an_app_leaves_out_the_others(world: World) -> None:
    other = World(App.objects.create(slug="other"))
    world.click(NOON)
    other.click(NOON)
    other.event("active_pay", NOON)
    summing.catch_up(NOON)

    mine = Scope(since=WEEK.since, until=TODAY, app_ids=[world.app.pk])

    assert whole(reports.overview(mine, today=TODAY).numbers) == {"clicks": 1}
    assert [row["app"] for row in breakdown(WEEK, ["app"])] == ["demo", "other"]
    assert reports.states(mine) == {}


def test_cohort_values_are_of_the_users_activated_then(world: World) -> None:
    world.event("active", days_ago(10), user="a")
    world.event("active", days_ago(10), user="b")
    for days, amount in ((10, 100), (9, 20), (3, 3), (2, 5000)):  # day 0, 1, 7 and 8
        world.event("active_pay", days_ago(days), user="a", amount_fen=amount)
    world.event("next_day_open", days_ago(9), user="b")
    world.event("active_pay", days_ago(10), user="never activated", amount_fen=7777)
    summing.catch_up(NOON)

    [row] = breakdown(Scope(since=date(2026, 11, 13), until=date(2026, 11, 13)), ["day"])

    assert row["day"] == date(2026, 11, 13)
    assert whole(row, is_cohort=True) == {
        "activated_day_0": 2, "activated_day_1": 2, "activated_day_7": 2,
        "amount_day_0_fen": 100, "amount_day_1_fen": 120, "amount_day_7_fen": 123, "returned_day_1": 1,
    }  # fmt: skip
    assert [row[f"value_day_{age}_fen"] for age in (0, 1, 7)] == [50, 60, 61.5]
    assert row["retention_day_1"] == 0.5


@pytest.mark.parametrize(
    ("age", "activated"),
    [(0, (1, 0, 0)), (1, (1, 0, 0)), (2, (1, 1, 0)), (7, (1, 1, 0)), (8, (1, 1, 1))],
)
def test_cohort_counts_for_a_day_once_that_day_is_over(world: World, age: int, activated: tuple[int, int, int]) -> None:
    world.event("active", days_ago(age))
    world.event("active_pay", days_ago(age), amount_fen=10)
    summing.catch_up(NOON)

    [row] = breakdown(Scope(since=TODAY - timedelta(days=age), until=TODAY), [])

    assert tuple(row[f"activated_day_{day}"] for day in (0, 1, 7)) == activated
    assert tuple(row[f"amount_day_{day}_fen"] for day in (0, 1, 7)) == tuple(10 * users for users in activated)


def test_cohorts_by_channel_are_those_of_the_activation(world: World) -> None:
    world.event("active", NOON, channel="huawei")
    world.event("active_pay", NOON, channel="xiaomi", amount_fen=10)
    summing.catch_up(NOON)

    values = {row["channel"]: row["value_day_0_fen"] for row in breakdown(WEEK, ["channel"])}

    assert values == {"": None, "huawei": 10, "xiaomi": None}


def test_states_of_all_events_add_up_to_what_was_received(world: World) -> None:
    for state in State:
        world.event("active", NOON, user=state)
        world.settle(state, at=NOON, user=state)
    world.event("active_pay", NOON)
    summing.catch_up(NOON)

    states = reports.states(WEEK)

    assert states == {"active": dict.fromkeys(State.values, 1), "active_pay": {"pending": 1}}
    assert sum(sum(by_state.values()) for by_state in states.values()) == Conversion.objects.count()


@pytest.mark.parametrize("users", [1, 3])
def test_breakdown_by_ad_makes_as_many_queries_for_many_rows(world: World, users: int) -> None:
    for n in range(users):
        world.attribute(f"u{n}", ADS[n], at=NOON)
        world.event("active_pay", NOON, user=f"u{n}")
    summing.catch_up(NOON)

    with CaptureQueriesContext(connection) as queries:
        breakdown(WEEK, ["day", "app", "ad"])

    assert len(queries) == 8


_payments = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), st.sampled_from(["", "huawei"]), st.integers(1, 99)),
    max_size=12,
)
_activations = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 9), max_size=3)
_ads = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(ADS), max_size=3)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payments=_payments, activations=_activations, ads=_ads)
def test_reports_of_any_payments_are_those_counted_by_hand(
    world: World, payments: list[tuple[str, int, str, int]], activations: dict[str, int], ads: dict[str, Ad]
) -> None:
    with transaction.atomic():
        for user, days in activations.items():
            world.event("active", days_ago(days), user=user)
        for user, days, channel, amount in payments:
            world.event("active_pay", days_ago(days), user=user, channel=channel, amount_fen=amount)
        for user, ad in ads.items():
            world.attribute(user, ad, at=NOON)
        summing.catch_up(NOON)

        by_ad = {row["ad_id"]: row["paying_users"] for row in breakdown(WEEK, ["ad"])}
        fortnight = Scope(since=TODAY - timedelta(days=14), until=TODAY)
        values = {
            row["day"]: (row["amount_day_0_fen"], row["amount_day_7_fen"])
            for row in breakdown(fortnight, ["day"])
            if row["activated_day_0"]
        }

        payers = {
            (user, str(ads[user].ad) if user in ads else None) for user, days, _channel, _amount in payments if days < 7
        }
        assert {ad: users for ad, users in by_ad.items() if users} == Counter(ad for _user, ad in payers)
        assert values == {day: _values(day, payments, activations) for day in _days_of(activations)}
        transaction.set_rollback(True)


def _days_of(activations: dict[str, int]) -> set[date]:
    return {TODAY - timedelta(days=days) for days in activations.values()}


def _values(day: date, payments: list[tuple[str, int, str, int]], activations: dict[str, int]) -> tuple[int, int]:
    """The payments of this activation day's users up to day 0, and up to day 7 if that day is over."""
    age = (TODAY - day).days
    mine = [(age - days, amount) for user, days, _channel, amount in payments if activations.get(user) == age]
    return (
        sum(amount for since_activation, amount in mine if since_activation <= 0),
        sum(amount for since_activation, amount in mine if since_activation <= 7 and age > 7),
    )
