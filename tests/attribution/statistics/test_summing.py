import contextlib
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from attribution import purging
from attribution.clicks import storage
from attribution.clicks.storage import NewClick
from attribution.models import App, Click, Conversion, State
from attribution.models.roll_ups import (
    NEVER,
    AdName,
    Change,
    ClickDay,
    CohortDay,
    EventDay,
    PayerDay,
    StateDay,
    UserDay,
)
from attribution.platforms.platform import Ad, MonitoredClick
from attribution.statistics import summing
from attribution.tasks import verify_statistics
from tests.attribution.ad_world import ADS, TWIN, World, counted, stored

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Midnight in Shanghai.
MIDNIGHT = datetime(2026, 11, 22, 16, tzinfo=UTC)


@pytest.fixture
def world(app: App) -> World:
    return World(app)


class Crash(Exception):  # noqa: N818
    pass


_users = st.sampled_from(["u1", "u2", "u3"])
_moments = st.integers(0, 9 * 24 * 4).map(lambda quarters: NOW - timedelta(minutes=15 * quarters))
_events = st.sampled_from(["active", "active_register", "active_pay", "active_pay", "next_day_open", "game_addiction"])
_steps = st.one_of(
    st.tuples(st.just("event"), _events, _moments, _users, st.sampled_from(["", "huawei"]), st.integers(0, 500)),
    st.tuples(st.just("click"), _moments, st.sampled_from([*ADS, TWIN])),
    st.tuples(st.just("attribute"), _users, st.sampled_from([None, *ADS, TWIN])),
    st.tuples(st.just("settle"), _users, st.sampled_from(State)),
    st.tuples(st.just("catch up")),
    st.tuples(st.just("crash")),
)


def take(world: World, step: tuple[object, ...]) -> None:
    match step:
        case ("event", str(event), datetime() as at, str(user), str(channel), int(amount)):
            world.event(event, at, user=user, channel=channel, amount_fen=amount)
        case ("click", datetime() as at, ad):
            world.click(at, ad)  # type: ignore[arg-type]  # of ADS
        case ("attribute", str(user), ad):
            world.attribute(user, ad, at=NOW)  # type: ignore[arg-type]  # of ADS
        case ("settle", str(user), State() as state):
            world.settle(state, at=NOW, user=user)
        case ("catch up",):
            summing.catch_up(NOW)
        case ("crash",):
            with contextlib.suppress(Crash), transaction.atomic():
                summing.catch_up(NOW)
                raise Crash


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=25))
def test_sums_whatever_happens_are_those_of_the_rows(world: World, steps: list[tuple[object, ...]]) -> None:
    with transaction.atomic():
        for step in steps:
            take(world, step)

        summing.catch_up(NOW)

        assert stored(world.app) == counted(world.app)
        assert list(summing.verify(days=12, now=NOW)) == []
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_sums_of_events_that_come_while_two_processes_sum_are_exact() -> None:
    world = World(App.objects.create(slug="busy"))
    is_over = threading.Event()

    def live(n: int) -> None:
        for step in range(40):
            user = f"u{step % 7}"  # the same users in all threads
            at = NOW - timedelta(hours=5 * (step % 9))
            world.event("active", at, user=user)
            world.event("active_pay", at + timedelta(hours=n), user=user)
            world.attribute(user, ADS[n] if step > 20 else None, at=NOW)
            world.settle(State.REPORTED, at=NOW, user=f"u{n}")
            world.click(at, ADS[n])

    def keep_summing() -> None:
        while not is_over.is_set():
            summing.catch_up(NOW)

    summers = [_in_thread(keep_summing) for _ in range(2)]
    living = [_in_thread(live, n) for n in range(3)]
    for thread in living:
        thread.join()
    is_over.set()
    for thread in summers:
        thread.join()
    summing.catch_up(NOW)

    assert stored(world.app) == counted(world.app)
    assert Change.objects.count() == 0


def _in_thread(function: Callable[..., None], *arguments: object) -> threading.Thread:
    def run() -> None:
        try:
            function(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_catch_up_while_another_process_sums_leaves_it_to_that(world: World) -> None:
    world.click(NOW)
    with contextlib.closing(connection.copy()) as other, other.cursor() as its_cursor:
        its_cursor.execute("SELECT pg_advisory_lock(%s)", [summing.LOCK])

        counts = [summing.catch_up(NOW)]
        its_cursor.execute("SELECT pg_advisory_unlock(%s)", [summing.LOCK])
        counts.append(summing.catch_up(NOW))

    assert counts == [0, 1]


def test_day_begins_at_midnight_of_the_time_zone(world: World) -> None:
    world.event("active", MIDNIGHT - timedelta(microseconds=1), user="u1")
    world.event("active", MIDNIGHT, user="u2")

    summing.catch_up(NOW)

    assert activations_by_day() == [(date(2026, 11, 22), 1), (date(2026, 11, 23), 1)]


def test_day_when_clocks_go_back_has_25_hours(world: World, settings: Settings) -> None:
    settings.TIME_ZONE = "America/New_York"
    first = datetime(2026, 11, 1, 4, tzinfo=UTC)  # 00:00 in summer time
    for hours in (-1, 0, 24, 25):
        world.event("active", first + timedelta(hours=hours), user=f"u{hours}")

    summing.catch_up(NOW)

    assert activations_by_day() == [(date(2026, 10, 31), 1), (date(2026, 11, 1), 2), (date(2026, 11, 2), 1)]


def test_day_of_a_zone_with_an_offset_of_45_minutes_is_noted_rightly(world: World, settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Kathmandu"
    midnight = datetime(2026, 11, 22, 18, 15, tzinfo=UTC)
    world.event("active", midnight - timedelta(seconds=1), user="u1")
    world.event("active", midnight, user="u2")

    summing.catch_up(NOW)

    assert activations_by_day() == [(date(2026, 11, 22), 1), (date(2026, 11, 23), 1)]


def activations_by_day() -> list[tuple[date, int]]:
    return list(EventDay.objects.order_by("day").values_list("day", "activations"))


@pytest.mark.parametrize("was_asked_before", [False, True])
def test_ad_found_later_takes_over_the_earlier_events(world: World, was_asked_before: bool) -> None:
    world.event("active", NOW - timedelta(days=5))
    world.event("active_pay", NOW - timedelta(days=2))
    if was_asked_before:
        world.attribute("u", None, at=NOW)
    summing.catch_up(NOW)
    before = set(EventDay.objects.values_list("is_organic", "ad_id"))

    world.attribute("u", ADS[0], at=NOW)
    summed_again = summing.catch_up(NOW)

    assert before == {(True, 0)}
    assert set(EventDay.objects.values_list("is_organic", "ad_id")) == {(False, ADS[0].ad)}
    assert summed_again == 2


def test_activation_that_comes_late_makes_the_cohort_of_earlier_payments(world: World) -> None:
    world.event("active_pay", NOW)
    summing.catch_up(NOW)

    world.event("active", NOW - timedelta(days=3), channel="huawei")
    summing.catch_up(NOW)

    cohorts = UserDay.objects.values_list("day", "activation_day", "activation_channel")
    assert list(cohorts) == [(date(2026, 11, 23), date(2026, 11, 20), "huawei")]


@pytest.mark.parametrize(
    ("late", "paid_before"),
    [
        ([], [(23, 20)]),
        ([22], [(22, 20), (23, 22)]),
        ([21, 22], [(21, 20), (22, 21), (23, 22)]),
        ([19], [(20, 19), (23, 20)]),
    ],
)
def test_payment_that_comes_late_is_the_one_before_the_next(
    world: World, late: list[int], paid_before: list[tuple[int, int]]
) -> None:
    world.event("active_pay", NOW - timedelta(days=3))
    world.event("active_pay", NOW)
    summing.catch_up(NOW)

    for day in late:
        world.event("active_pay", NOW - timedelta(days=23 - day))
    summed_again = summing.catch_up(NOW)

    found = PayerDay.objects.order_by("day").values_list("day", "paid_before", "users")
    first = min([20, *late])
    never = [(date(2026, 11, first), NEVER, 1)]
    assert list(found) == never + [(date(2026, 11, day), date(2026, 11, before), 1) for day, before in paid_before]
    assert summed_again == len(late)


def test_removed_payment_no_longer_precedes_the_next(world: World) -> None:
    for days in (3, 2, 0):
        world.event("active_pay", NOW - timedelta(days=days))
    summing.catch_up(NOW)

    Conversion.objects.filter(occurred_at=NOW - timedelta(days=2)).delete()
    Change.objects.create(app_id=world.app.pk, happened_at=NOW - timedelta(days=2))
    summing.catch_up(NOW)

    found = PayerDay.objects.order_by("day").values_list("day", "paid_before")
    assert list(found) == [(date(2026, 11, 20), NEVER), (date(2026, 11, 23), date(2026, 11, 20))]


def test_cohort_follows_its_users_to_their_new_days(world: World) -> None:
    world.event("active", NOW - timedelta(days=3), channel="huawei")
    world.event("active_pay", NOW, amount_fen=70)
    summing.catch_up(NOW)
    found = [set(CohortDay.objects.values_list("day", "channel", "amount_day_0_fen", "amount_day_7_fen"))]

    Conversion.objects.filter(event="active").update(occurred_at=NOW)
    Change.objects.create(app_id=world.app.pk, user_id="u")
    summing.catch_up(NOW)
    found.append(set(CohortDay.objects.values_list("day", "channel", "amount_day_0_fen", "amount_day_7_fen")))

    assert found == [{(date(2026, 11, 20), "huawei", 0, 70)}, {(date(2026, 11, 23), "huawei", 70, 70)}]


def test_paying_user_counts_once_a_day_at_the_channel_of_the_first_payment(world: World) -> None:
    world.event("next_day_open", NOW - timedelta(hours=3), channel="oppo")
    world.event("active_pay", NOW - timedelta(hours=2), channel="huawei")
    world.event("active_pay", NOW - timedelta(hours=1), channel="xiaomi")

    summing.catch_up(NOW)

    paying_users = EventDay.objects.order_by("channel").values_list("channel", "paying_users")
    assert list(paying_users) == [("huawei", 1), ("oppo", 0), ("xiaomi", 0)]
    assert list(UserDay.objects.values_list("channel", "payments")) == [("huawei", 2)]


def test_outdated_sums_are_removed(world: World) -> None:
    world.event("active", NOW)
    summing.catch_up(NOW)

    world.attribute("u", ADS[0], at=NOW)
    summing.catch_up(NOW)

    assert list(EventDay.objects.values_list("is_organic", "activations")) == [(False, 1)]


def test_state_that_changes_later_counts_at_the_day_of_the_event(world: World) -> None:
    world.event("active", NOW - timedelta(days=3))
    summing.catch_up(NOW)

    world.settle(State.FAILED, at=NOW)
    summing.catch_up(NOW)

    assert list(StateDay.objects.values_list("day", "state", "conversions")) == [(date(2026, 11, 20), "failed", 1)]


def test_claim_by_a_worker_is_not_a_change(world: World) -> None:
    world.event("active", NOW)
    Change.objects.all().delete()

    Conversion.objects.update(due_at=NOW + timedelta(minutes=2), lease_token=uuid.uuid4())

    assert Change.objects.count() == 0


def test_names_of_ads_are_those_seen_last(world: World) -> None:
    for day, name in ((0, "new"), (3, "old")):
        ad = Ad(advertiser_id=1, campaign_id=2, ad_id=3, ad_name=name, campaign_name="project")
        at = NOW - timedelta(days=day)
        said = MonitoredClick(clicked_at=at, ad=ad)
        storage.store([NewClick(world.app.pk, "oceanengine", at, "", said)])

        summing.catch_up(NOW)

    assert set(AdName.objects.values_list("level", "platform_id", "name")) == {
        ("campaign", 2, "project"),
        ("ad", 3, "new"),
    }


def test_sums_outlive_their_rows(world: World, settings: Settings) -> None:
    settings.CLICK_RETENTION_DAYS = settings.CONVERSION_RETENTION_DAYS = 10
    world.click(NOW)
    world.event("active", NOW)
    world.settle(State.REPORTED, at=NOW)
    Conversion.objects.update(due_at=None)
    summing.catch_up(NOW)
    sums = stored(world.app)
    later = NOW + timedelta(days=11)

    purging.delete_clicks(later)
    purging.delete_conversions(later)
    Change.objects.create(app_id=world.app.pk, happened_at=NOW)
    summing.catch_up(later)

    assert (Click.objects.count(), Conversion.objects.count()) == (0, 0)
    assert stored(world.app) == sums
    assert list(summing.verify(days=20, now=later)) == []


def test_verify_after_right_sums_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.event("active", timezone.now())

    call_command("verify_stats", days=3)

    assert capsys.readouterr() == ("", "3 days: no difference\n")


@pytest.mark.parametrize("damage", ["wrong", "missing", "surplus"])
def test_verify_after_damage_prints_each_difference(
    world: World, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    today = timezone.localdate()
    world.click(timezone.now())
    summing.catch_up(timezone.now())
    actual = {"wrong": {"clicks": 1}, "missing": {"clicks": 1}, "surplus": None}[damage]
    found = {"wrong": {"clicks": 7}, "missing": None, "surplus": {"clicks": 5}}[damage]
    ad_id = 999 if damage == "surplus" else ADS[0].ad
    if damage == "wrong":
        ClickDay.objects.update(clicks=7)
    elif damage == "missing":
        ClickDay.objects.all().delete()
    else:
        ClickDay.objects.create(
            app=world.app, day=today, is_organic=False, ad_id=999, clicks=5,
            platform="oceanengine", advertiser_id=ADS[0].advertiser_id, campaign_id=ADS[0].campaign,
        )  # fmt: skip

    with pytest.raises(SystemExit) as exited:
        call_command("verify_stats", days=3)

    key = f"day={today} app_id={world.app.pk} is_organic=False platform=oceanengine"
    ad = f"advertiser_id={ADS[0].advertiser_id} campaign_id={ADS[0].campaign} ad_id={ad_id}"
    assert capsys.readouterr().out == (f"attribution_clickday {key} {ad}: stored {found}, in fact {actual}\n")
    assert exited.value.code == 1


def test_verify_of_what_is_only_not_summed_yet_finds_no_difference(world: World) -> None:
    world.event("active", NOW)
    world.attribute("u", ADS[0], at=NOW)

    found = list(summing.verify(days=3, now=NOW))

    assert found == []


def test_verify_with_repair_puts_right_what_it_prints(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.event("active_pay", timezone.now())
    summing.catch_up(timezone.now())
    EventDay.objects.update(payments=2, paying_users=0)
    UserDay.objects.all().delete()

    with pytest.raises(SystemExit):
        call_command("verify_stats", days=3, repair=True)
    call_command("verify_stats", days=3)

    assert capsys.readouterr().err == "3 differences, repaired\n3 days: no difference\n"
    assert stored(world.app) == counted(world.app)


def test_verify_every_night_logs_and_repairs(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.click(timezone.now())
    summing.catch_up(timezone.now())
    ClickDay.objects.update(clicks=7)

    verify_statistics()

    [said] = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert said == "The statistics were wrong and have been summed again"
    assert list(ClickDay.objects.values_list("clicks", flat=True)) == [1]
