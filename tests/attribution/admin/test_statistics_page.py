"""The statistics page: the way down, the CSV, and what its address may say."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.urls import resolve
from rest_framework.test import APIClient

from attribution.admin.pages.statistics import Cell
from attribution.models import App
from attribution.statistics import summing
from tests.attribution.ad_world import ADS, Ad, World

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
PAGE = "/admin/statistics/"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def browser(db: None) -> Client:
    user = User.objects.create(username="marketer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversion"))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def world(app: App) -> World:
    """Users of three ads and an organic one, on two days."""
    world = World(app)
    for number, ad in enumerate(ADS):
        for _ in range(2):
            world.click(NOON, ad)
        world.attribute(f"u-{number}", ad, at=NOON)
        world.event("active", NOON, user=f"u-{number}", channel="huawei")
    world.event("active", NOON - timedelta(days=1), user="organic", channel="xiaomi")
    world.event("active_pay", NOON, user="u-0", amount_fen=1999)
    summing.catch_up(NOON)
    return world


def lines(browser: Client, url: str) -> list[tuple[str, str, str]]:
    """The rows' names, clicks and activations."""
    context = browser.get(url).context
    return [(line.name, line.cells[0].text, line.cells[1].text) for line in context["lines"]]


def texts(cells: list[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def follow(browser: Client, url: str, name: str) -> str:
    """The address behind the row of this name."""
    [line] = [line for line in browser.get(url).context["lines"] if line.name == name]
    return str(line.url)


def rows_behind(url: str, user: User) -> int:
    """The number of rows in the list at this address, without rendering it, which is most of the cost."""
    view, arguments, keywords = resolve(urlsplit(url).path)
    request = RequestFactory().get(url)
    request.user = user
    return len(view(request, *arguments, **keywords).context_data["cl"].queryset)


def test_page_needs_the_right_to_see_send_records(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="other", is_staff=True))

    assert browser.get(PAGE).status_code == 403
    assert Client().get(PAGE).headers["Location"] == "/admin/login/?next=/admin/statistics/"


def test_way_down_from_the_advertiser_to_the_records(browser: Client, world: World) -> None:
    assert lines(browser, PAGE) == [
        ("1700000000000000001", "4", "2"), ("1700000000000000002", "2", "1"), ("Organic", "0", "1"),
    ]  # fmt: skip
    campaigns = follow(browser, PAGE, "1700000000000000001")
    assert lines(browser, campaigns) == [("7340000000000000001", "4", "2")]
    ads = follow(browser, campaigns, "7340000000000000001")
    assert lines(browser, ads) == [("ad 7350000000000000001", "2", "1"), ("ad 7350000000000000002", "2", "1")]
    days = follow(browser, ads, "ad 7350000000000000001")
    assert lines(browser, days) == [("2026-11-23", "2", "1")]
    [trail] = [[step["title"] for step in browser.get(days).context["trail"]]]
    assert trail == [
        "All",
        "Advertiser 1700000000000000001",
        "Campaign or project 7340000000000000001",
        "Ad or promotion ad 7350000000000000001",
    ]

    records = browser.get(follow(browser, days, "2026-11-23"))

    assert records.status_code == 200


def test_organic_users_have_days_but_no_ads(browser: Client, world: World) -> None:
    days = follow(browser, PAGE, "Organic")

    assert lines(browser, days) == [("2026-11-22", "0", "1")]


def test_days_lead_to_the_records_of_that_day(browser: Client, world: World) -> None:
    rows = browser.get(follow(browser, f"{PAGE}?group_by=day", "2026-11-22")).context["cl"].queryset

    assert [row.user_id for row in rows] == ["organic"]


@pytest.mark.parametrize("group_by", ["advertiser", "campaign", "ad", "day", "channel", "app"])
@pytest.mark.parametrize("source", ["", "attributed", "organic"])
def test_every_number_leads_to_exactly_its_rows(
    admin_client: Client, admin_user: User, world: World, group_by: str, source: str
) -> None:
    """No worker has processed the events, so they have no advertiser of their own yet."""
    world.attribute("nameless", Ad(advertiser_id=0, campaign=0, ad=0), at=NOON)
    for event in ("active", "active_register", "active_pay", "next_day_open", "game_addiction"):
        for user in ("u-1", "u-2", "organic", "nameless"):
            world.event(event, NOON, user=user, channel="huawei")
    summing.catch_up(NOON)

    context = admin_client.get(f"{PAGE}?group_by={group_by}&source={source}").context

    cells = [cell for line in context["lines"] for cell in line.cells] + context["total"]
    counted = [cell for cell in cells if cell.url and not cell.text.startswith("¥")]
    found = [str(rows_behind(str(cell.url), admin_user)) for cell in counted]
    assert found == texts(counted)
    assert len(counted) >= 7


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?group_by=day", ["2026-11-23", "2026-11-22"]),
        ("?group_by=day&sort=activations", ["2026-11-22", "2026-11-23"]),
        ("?group_by=channel&source=attributed", ["huawei", "no channel"]),
        ("?group_by=app", ["demo"]),
        ("?group_by=advertiser&sort=-amount_fen&source=attributed", ["1700000000000000001", "1700000000000000002"]),
        ("?group_by=advertiser&sort=clicks", ["Organic", "1700000000000000002", "1700000000000000001"]),
        ("?group_by=day&channel=xiaomi", ["2026-11-22"]),
        ("?period=yesterday", ["Organic"]),
    ],
)
def test_rows_are_those_asked_for(browser: Client, world: World, query: str, names: list[str]) -> None:
    assert [name for name, _clicks, _activations in lines(browser, PAGE + query)] == names


def test_cohort_stands_beside_the_event_days(browser: Client, world: World) -> None:
    context = browser.get(f"{PAGE}?period=today&group_by=app").context

    titles = [str(column["title"]) for column in [*context["event_columns"], *context["cohort_columns"]]]
    found = dict(zip(titles, texts(context["lines"][0].cells), strict=True))
    assert (found["Revenue"], found["Per paying user"]) == ("¥19.99", "¥19.99")
    assert (found["Value per user, day 0"], found["Value per user, day 1"], found["Next-day retention"]) == (
        "¥6.66",
        "–",
        "–",
    )
    assert texts(context["total"]) == texts(context["lines"][0].cells)


def test_csv_is_that_of_the_api(browser: Client, client: APIClient, world: World) -> None:
    page = browser.get(f"{PAGE}?period=today&group_by=ad&format=csv")
    api = client.get("/api/stats/?from=2026-11-23&to=2026-11-23&group_by=ad&format=csv")

    assert page.headers["Content-Disposition"] == 'attachment; filename="statistics-ad-2026-11-23-2026-11-23.csv"'
    assert page.content.decode() == "\ufeff" + api.content.decode()
    assert len(list(csv.reader(io.StringIO(api.content.decode())))) == 4


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?group_by=weather", "group_by"),
        ("?source=paid", "source"),
        ("?advertiser=x", "advertiser"),
        ("?ad=99999999999999999999", "ad"),
        ("?campaign=-1", "campaign"),
        ("?sort=name", "sort"),
        ("?channel=" + "c" * 65, "channel"),
        ("?channel=%00", "channel"),
    ],
)
def test_wrong_address_is_told(browser: Client, world: World, query: str, field: str) -> None:
    for format_ in ("", "&format=csv"):
        page = browser.get(PAGE + query + format_)

        assert page.status_code == 200
        assert [error.partition(":")[0] for error in page.context["errors"]] == [field]


def test_empty_period_offers_another(browser: Client, app: App) -> None:
    page: Any = browser.get(f"{PAGE}?period=today&advertiser=17")

    assert "Nothing happened here in this period." in page.content.decode()
    assert page.context["lines"] == []
