from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from rest_framework.test import APIClient

from attribution.models import App
from attribution.statistics import summing
from foundation.access.models import ApiKey
from tests.attribution.ad_world import ADS, World
from tests.attribution.conftest import user_client

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
NO_COHORT = {
    "activated_day_0": 0, "activated_day_1": 0, "activated_day_7": 0, "amount_day_0_fen": 0, "amount_day_1_fen": 0,
    "amount_day_7_fen": 0, "returned_day_1": 0, "value_day_0_fen": None, "value_day_1_fen": None,
    "value_day_7_fen": None, "retention_day_1": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def world(app: App) -> World:
    return World(app)


def test_stats_by_ad_have_ids_as_strings_names_sums_and_rates(world: World, client: APIClient) -> None:
    world.click(NOON)
    world.click(NOON)
    world.attribute("u", ADS[0], at=NOON)
    world.event("active", NOON)
    world.event("active_pay", NOON, amount_fen=1999)
    summing.catch_up(NOON)

    answer = client.get("/api/stats/?from=2026-11-20&to=2026-11-23&group_by=ad")

    numbers = {
        "clicks": 2, "activations": 1, "attributed_activations": 1, "organic_activations": 0, "registrations": 0,
        "payments": 1, "paying_users": 1, "amount_fen": 1999, "next_day_opens": 0, "key_behaviours": 0,
        "activation_rate": 0.5, "registration_rate": 0.0, "payment_rate": 1.0, "key_behaviour_rate": 0.0,
        "amount_per_paying_user_fen": 1999.0,
    } | NO_COHORT | {"activated_day_0": 1, "amount_day_0_fen": 1999, "value_day_0_fen": 1999.0}  # fmt: skip
    ad = {
        "source": "attributed", "platform": "oceanengine",
        "advertiser_id": "1700000000000000001", "advertiser_name": "",
        "campaign_id": "7340000000000000001", "campaign_name": "", "ad_id": "7350000000000000001",
        "ad_name": "ad 7350000000000000001",
    }  # fmt: skip
    assert answer.status_code == 200
    assert answer.json() == {
        "from": "2026-11-20",
        "to": "2026-11-23",
        "columns": list(ad | numbers),
        "rows": [ad | numbers],
        "totals": numbers,
        "states": {"active": {"pending": 1}, "active_pay": {"pending": 1}},
    }


def test_stats_of_organic_users_have_a_row_of_their_own(world: World, client: APIClient) -> None:
    world.click(NOON)
    world.event("active", NOON)
    summing.catch_up(NOON)

    rows = client.get("/api/stats/?group_by=advertiser").json()["rows"]

    assert [(row["source"], row["advertiser_id"], row["clicks"], row["activations"]) for row in rows] == [
        ("attributed", "1700000000000000001", 1, 0),
        ("organic", None, 0, 1),
    ]


def test_stats_without_parameters_are_those_of_a_week_by_day(world: World, client: APIClient) -> None:
    for days in (0, 6, 7):
        world.click(NOON - timedelta(days=days))
    summing.catch_up(NOON)

    found = client.get("/api/stats/").json()

    assert (found["from"], found["to"]) == ("2026-11-17", "2026-11-23")
    assert [(row["day"], row["clicks"]) for row in found["rows"]] == [("2026-11-17", 1), ("2026-11-23", 1)]


@pytest.mark.parametrize("how", ["format", "accept"])
def test_stats_as_csv_have_the_same_rows(world: World, client: APIClient, how: str) -> None:
    world.event("active", NOON, channel="=HYPERLINK(1)")
    summing.catch_up(NOON)
    columns = client.get("/api/stats/").json()["columns"][1:]

    if how == "format":
        answer = client.get("/api/stats/?group_by=day,channel&format=csv")
    else:
        answer = client.get("/api/stats/?group_by=day,channel", HTTP_ACCEPT="text/csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.decode().splitlines() == [
        ",".join(["day", "channel", *columns]),
        "2026-11-23,'=HYPERLINK(1),0,1,0,1,0,0,0,0,0,0,,0.0,0.0,0.0,,1,0,0,0,0,0,0,0.0,,,",
    ]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("from=2026-13-01", {"from": ["'2026-13-01' is not a valid date. Use YYYY-MM-DD, for example 2026-11-23."]}),
        ("to=0001-01-01", {"to": ["'0001-01-01' is too early. The first day is 2000-01-01."]}),
        ("from=2026-11-24", {"from": ["2026-11-24 to 2026-11-23 is 0 days. Ask for 1 to 366 days."]}),
        ("from=2020-01-01", {"from": ["2020-01-01 to 2026-11-23 is 2519 days. Ask for 1 to 366 days."]}),
        (
            "group_by=day,os",
            {"group_by": ["'os' is not valid. Use one of: day, app, platform, advertiser, campaign, ad, channel."]},
        ),
        ("app=nobody", {"app": ["There is no app 'nobody' for this key."]}),
        ("form=2026-11-01", {"form": ["Unknown parameter. Use from, to, group_by, app, format."]}),
        ("format=xml", {"format": "'xml' is not valid. Use json or csv."}),
        ("format=csv&to=x", {"to": ["'x' is not a valid date. Use YYYY-MM-DD, for example 2026-11-23."]}),
    ],
)
def test_stats_with_a_bad_parameter_names_it(client: APIClient, query: str, errors: object) -> None:
    answer = client.get(f"/api/stats/?{query}")

    assert (answer.status_code, answer.json()) == (400, errors)


def test_stats_of_a_key_are_those_of_its_app(world: World, client: APIClient) -> None:
    other = World(App.objects.create(slug="other"))
    world.click(NOON)
    other.click(NOON)
    other.event("active", NOON)
    summing.catch_up(NOON)

    mine = client.get("/api/stats/?group_by=app").json()
    refused = client.get("/api/stats/?app=other")

    assert [(row["app"], row["clicks"]) for row in mine["rows"]] == [("demo", 1)]
    assert (mine["totals"]["clicks"], mine["totals"]["activations"], mine["states"]) == (1, 0, {})
    assert (refused.status_code, refused.json()) == (400, {"app": ["There is no app 'other' for this key."]})


def test_stats_of_a_key_without_an_app_are_those_of_all(world: World) -> None:
    other = World(App.objects.create(slug="other"))
    world.click(NOON)
    other.click(NOON)
    summing.catch_up(NOON)
    key = ApiKey.objects.issue(caller="backend", is_throttled=False)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")

    everything = client.get("/api/stats/?group_by=app").json()["rows"]
    one = client.get("/api/stats/?group_by=app&app=other").json()["rows"]

    assert [row["app"] for row in everything] == ["demo", "other"]
    assert [row["app"] for row in one] == ["other"]


def test_stats_are_not_for_users_of_the_app(app: App) -> None:
    answer = user_client(app, "u").get("/api/stats/")

    assert answer.status_code == 403


def test_stats_without_a_key_are_refused(db: None) -> None:
    assert APIClient().get("/api/stats/").status_code == 401
