"""The admin's first page: who may see it, what its address accepts, and where its numbers link to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.admin.pages import operations
from attribution.models import App, Attempt, Conversion, Destination, State
from attribution.statistics import summing
from tests.attribution.ad_world import ADS, World
from tests.attribution.conftest import Pipeline

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
PAGE = "/admin/"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def world(app: App) -> World:
    return World(app)


@pytest.fixture
def marketer(db: None) -> Client:
    user = User.objects.create(username="marketer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversion"))
    browser = Client()
    browser.force_login(user)
    return browser


def shown(browser: Client, query: str = "") -> Any:
    answer = browser.get(PAGE + query)
    assert answer.status_code == 200
    return answer.context


def cards(context: Any) -> dict[str, tuple[str, str, str]]:
    return {card.title: (card.value, card.before, card.change.text) for card in context["cards"]}


def test_who_may_not_look_at_send_records_sees_no_figures(world: World, client_of_staff: Client) -> None:
    world.event("active", NOON)

    page = client_of_staff.get(PAGE)

    assert page.status_code == 200
    assert "cards" not in page.context
    assert "rm-kpi" not in page.content.decode()


@pytest.fixture
def client_of_staff(db: None) -> Client:
    browser = Client()
    browser.force_login(User.objects.create(username="other", is_staff=True))
    return browser


def test_visitors_are_sent_to_the_login(db: None) -> None:
    assert Client().get(PAGE).headers["Location"] == "/admin/login/?next=/admin/"


def test_cards_have_the_period_and_the_one_before(world: World, marketer: Client) -> None:
    world.attribute("a", ADS[0], at=NOON)
    for days, user in ((0, "a"), (1, "b"), (8, "c")):
        world.event("active", NOON - timedelta(days=days), user=user)
    for _ in range(4):
        world.click(NOON)
    world.event("active_pay", NOON, user="a", amount_fen=123456)
    summing.catch_up(NOON)

    found = cards(shown(marketer))

    assert found["Clicks"] == ("4", "0", "–")
    assert found["Activations"] == ("2", "1", "+100.0%")
    assert found["Revenue"] == ("¥1,234.56", "¥0.00", "–")
    assert found["Activation rate"] == ("25.0%", "–", "–")
    assert found["Value per user, day 0"] == ("¥617.28", "¥0.00", "–")


def test_card_leads_to_its_rows(world: World, marketer: Client) -> None:
    other = World(App.objects.create(slug="other"))
    for where, days, event in ((world, 0, "active"), (world, 1, "active"), (world, 0, "active_register")):
        where.event(event, NOON - timedelta(days=days), user=f"u-{days}")
    other.event("active", NOON, user="of another app")
    summing.catch_up(NOON)

    [card] = [card for card in shown(marketer, "?period=today&app=demo")["cards"] if card.title == "Activations"]
    rows = marketer.get(card.url).context["cl"].queryset

    assert card.value == "1"
    assert [(row.user_id, row.event) for row in rows] == [("u-0", "active")]


def test_funnel_split_and_top_ads_lead_to_exactly_their_rows(world: World, admin_client: Client) -> None:
    """Also before a worker has processed the events, while they have no advertiser of their own."""
    for user, ad in (("a", ADS[0]), ("b", ADS[1]), ("c", None)):
        world.attribute(user, ad, at=NOON)
        world.event("active", NOON, user=user)
        world.event("active_pay", NOON, user=user)
    for ad in (ADS[0], ADS[0], ADS[1]):
        world.click(NOON, ad)
    summing.catch_up(NOON)

    context = shown(admin_client)

    split = context["organic_split"]
    numbers = [(step["count"], step["url"]) for step in context["funnel"]]
    numbers += [(split["attributed"], split["attributed_url"]), (split["organic"], split["organic_url"])]
    numbers += [
        (number, url)
        for ad in context["top_ads"]
        for number, url in ad["numbers"]
        if url and not number.startswith("¥")
    ]
    assert [number for number, _url in numbers] == ["3", "2", "0", "2", "2", "1", "2", "1", "1", "1", "1", "1"]
    assert [str(rows_of(admin_client, url)) for _number, url in numbers] == [number for number, _url in numbers]


def rows_of(browser: Client, url: str) -> int:
    """How many rows the list has."""
    return len(browser.get(url).context["cl"].queryset)


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("", ("2026-11-17", "2026-11-23")),
        ("?period=today", ("2026-11-23", "2026-11-23")),
        ("?period=yesterday", ("2026-11-22", "2026-11-22")),
        ("?period=30d", ("2026-10-25", "2026-11-23")),
        ("?period=custom&from=2026-11-01&to=2026-11-09", ("2026-11-01", "2026-11-09")),
        ("?from=2026-11-20", ("2026-11-20", "2026-11-23")),
        ("?period=7d&from=2026-11-01", ("2026-11-17", "2026-11-23")),
    ],
)
def test_period_is_that_of_the_address(app: App, marketer: Client, query: str, days: tuple[str, str]) -> None:
    period = shown(marketer, query)["period"]

    assert (str(period.since), str(period.until), period.errors) == (*days, [])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?period=month", "“month” is not a known period."),
        ("?from=yesterday", "“From” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23."),
        ("?to=2026-13-01", "“To” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23."),
        ("?from=2026-11-09&to=2026-11-01", "2026-11-09 to 2026-11-01 is -7 days. Choose 1 to 366 days"),
        ("?from=1999-12-31&to=2000-01-01", "1999-12-31 to 2000-01-01 is 2 days. Choose 1 to 366 days, none before"),
        ("?from=0001-01-01", "is 739943 days. Choose 1 to 366"),
        ("?app=nobody", "There is no such app."),
        ("?app=%00", "Null characters are not allowed."),
    ],
)
def test_wrong_address_is_told_and_shows_the_week(app: App, marketer: Client, query: str, message: str) -> None:
    page = marketer.get(PAGE + query)

    assert page.status_code == 200
    assert message in page.content.decode()
    assert page.context["period"].preset == "7d"


def test_first_time_says_what_to_do(marketer: Client) -> None:
    page = marketer.get(PAGE).content.decode()

    assert "First steps" in page
    assert "rm-kpi-before" not in page


def test_trend_and_top_ads_have_ids_as_strings(world: World, marketer: Client) -> None:
    world.click(NOON, ADS[2])
    world.attribute("u", ADS[1], at=NOON)
    world.event("active", NOON)
    summing.catch_up(NOON)

    context = shown(marketer, "?period=today")

    assert context["trend"]["days"] == ["2026-11-23"]
    assert context["trend"]["series"]["attributed_activations"] == [1]
    clicks = [(ad["name"], ad["numbers"][0][0]) for ad in context["top_ads"]]
    assert clicks == [("ad 7350000000000000002", "0"), ("3", "1")]
    link = dict(parse_qsl(urlsplit(context["top_ads"][0]["url"]).query))
    assert link == {
        "period": "today", "group_by": "day", "platform": "oceanengine", "advertiser": "1700000000000000001",
        "campaign": "7340000000000000001",
        "ad": "7350000000000000002",
    }  # fmt: skip


def test_operations_say_what_is_stuck(pipeline: Pipeline, marketer: Client) -> None:
    accepted, refused = pipeline.report(user="u-1"), pipeline.report("active_register", user="u-2")
    pipeline.deliver()
    states = {"failed": 1, "held": 2, "rejected": 3}
    for state, number in states.items():
        for each in range(number):
            row = pipeline.report(user=f"{state}-{each}")
            Conversion.objects.filter(pk=row.pk).update(state=state, due_at=None)
    waiting = pipeline.report(user="waiting")
    Conversion.objects.filter(pk=waiting.pk).update(received_at=NOON - timedelta(hours=2))
    Attempt.objects.filter(conversion=refused, kind="report").update(outcome=Attempt.Outcome.REJECTED)
    Destination.objects.filter(key="attribution").update(failures=99, last_error="HTTP 503")

    page = marketer.get(PAGE)

    found = page.context["operations"]
    assert (str(found.pending), str(found.failed), str(found.held), str(found.rejected)) == ("1", "1", "2", "3")
    assert (found.oldest_age, found.is_stuck) == (timedelta(hours=2), True)
    assert (found.reports, found.success) == (2, "50.0%")
    assert [each.key for each in found.open_breakers] == ["attribution"]
    assert "HTTP 503" in page.content.decode()
    assert accepted.state == "pending"


def test_count_stops_where_it_says(world: World) -> None:
    for number in range(4):
        world.event("active", NOON, user=f"u-{number}")
    rows = Conversion.objects.filter(state=State.PENDING)

    assert [str(operations.bounded_count(rows, limit=limit)) for limit in (3, 4)] == ["3+", "4"]


def test_dashboard_takes_the_same_queries_whatever_there_is(world: World, marketer: Client) -> None:
    numbers = []
    for ads in (1, 3):
        for number in range(ads):
            world.attribute(f"u-{ads}-{number}", ADS[number], at=NOON)
            world.event("active", NOON, user=f"u-{ads}-{number}")
        summing.catch_up(NOON)
        shown(marketer)
        with CaptureQueriesContext(connection) as queries:
            shown(marketer)
        numbers.append(len(queries))

    assert numbers[0] == numbers[1]


def test_activity_has_each_conversion_once_at_its_last_attempt(pipeline: Pipeline, marketer: Client) -> None:
    pipeline.report(user="delivered")
    pipeline.deliver()
    pipeline.wait(minutes=1)
    pipeline.report(user="arrived")

    found = [(each.conversion.user_id, each.conversion.state) for each in shown(marketer)["activity"]]

    assert found == [("arrived", "pending"), ("delivered", "reported")]
