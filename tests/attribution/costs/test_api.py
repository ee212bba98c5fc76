"""`POST /api/costs/`."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from attribution.models import AdCost, CreativeCost
from tests.attribution.conftest import user_client

NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)
ADVERTISER, CAMPAIGN, AD = 1768433294857219, 7384520193847263251, 7384521730958246963


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def cost(**changes: Any) -> dict[str, Any]:
    return {
        "platform": "oceanengine",
        "day": "2026-11-29",
        "advertiser_id": str(ADVERTISER),
        "campaign_id": str(CAMPAIGN),
        "ad_id": AD,
        "cost": "12.34",
        "impressions": 1000,
        "clicks": "17",
    } | changes


def stored() -> list[tuple[Any, ...]]:
    return list(
        AdCost.objects.order_by("day", "ad_id").values_list("day", "ad_id", "cost_centifen", "impressions", "clicks")
    )


def test_costs_are_stored_exactly(client: APIClient) -> None:
    answer = client.post("/api/costs/", [cost(), cost(ad_id="2", cost="0.0001", clicks=None)], format="json")

    assert (answer.status_code, answer.json()) == (202, [{"status": "stored"}, {"status": "stored"}])
    assert stored() == [
        (date(2026, 11, 29), 2, 1, 1000, None),
        (date(2026, 11, 29), AD, 123_400, 1000, 17),
    ]
    row = AdCost.objects.get(ad_id=AD)
    assert (row.platform, row.advertiser_id, row.campaign_id) == ("oceanengine", ADVERTISER, CAMPAIGN)
    assert (row.source, row.stored_at) == ("api", NOON)


def test_row_replaces_the_one_of_the_same_key_with_its_creatives(client: APIClient) -> None:
    client.post("/api/costs/", [cost()], format="json")
    CreativeCost.objects.create(ad_cost=AdCost.objects.get(), creative_id=1, cost_centifen=123_400)

    client.post("/api/costs/", [cost(cost=20, impressions=None), cost(day="2026-11-28", cost="1")], format="json")

    assert stored() == [(date(2026, 11, 28), AD, 10_000, 1000, 17), (date(2026, 11, 29), AD, 200_000, None, 17)]
    assert CreativeCost.objects.count() == 0


def test_of_two_items_with_one_key_the_last_counts(client: APIClient) -> None:
    answer = client.post("/api/costs/", [cost(), cost(cost="5")], format="json")

    assert answer.json() == [{"status": "superseded"}, {"status": "stored"}]
    assert stored() == [(date(2026, 11, 29), AD, 50_000, 1000, 17)]


def test_campaign_and_ad_may_be_left_out(client: APIClient) -> None:
    item = cost(campaign_id=None)
    del item["ad_id"], item["impressions"], item["clicks"]

    answer = client.post("/api/costs/", [item], format="json")

    assert answer.json() == [{"status": "stored"}]
    assert stored() == [(date(2026, 11, 29), 0, 123_400, None, None)]


NOT_A_NUMBER = "{!r} is not a whole number."
NOT_AN_AMOUNT = "{!r} is not an amount in yuan. Write digits, for example 12.34."
NOT_A_DATE = "{!r} is not a valid date. Use YYYY-MM-DD, for example 2026-11-30."


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("platform", "facebook", "'facebook' is not a known platform; known are "),
        ("platform", None, "This field may not be null."),
        ("platform", ["oceanengine"], "Not a valid string."),
        ("day", "2026-12-01", "2026-12-01 is still to come."),
        ("day", "1999-12-31", "1999-12-31 is before 2010-01-01."),
        ("day", "2026-02-30", NOT_A_DATE.format("2026-02-30")),
        ("day", "30.11.2026", NOT_A_DATE.format("30.11.2026")),
        ("day", 20261129, NOT_A_DATE.format(20261129)),
        ("advertiser_id", 0, "0 is out of range, 1 to 9223372036854775807."),
        ("advertiser_id", "", NOT_A_NUMBER.format("")),
        ("advertiser_id", 2**63, "9223372036854775808 is out of range, 1 to 9223372036854775807."),
        ("campaign_id", "-1", NOT_A_NUMBER.format("-1")),
        ("ad_id", True, NOT_A_NUMBER.format(True)),
        ("ad_id", 7.0, NOT_A_NUMBER.format(7.0)),
        ("ad_id", "１２", NOT_A_NUMBER.format("１２")),
        ("cost", "12.34567", "'12.34567' has more than four decimals."),
        ("cost", "-1", NOT_AN_AMOUNT.format("-1")),
        ("cost", "1,234.5", NOT_AN_AMOUNT.format("1,234.5")),
        ("cost", "1e3", NOT_AN_AMOUNT.format("1e3")),
        ("cost", "NaN", NOT_AN_AMOUNT.format("NaN")),
        ("cost", "", NOT_AN_AMOUNT.format("")),
        ("cost", True, NOT_AN_AMOUNT.format(True)),
        ("cost", None, "This field may not be null."),
        ("cost", "9" * 5000, "is more than 100000000 yuan."),
        ("impressions", -1, "-1 is out of range, 0 to 1000000000000."),
        ("clicks", "many", NOT_A_NUMBER.format("many")),
    ],
)
def test_bad_item_is_named_and_blocks_no_other(client: APIClient, field: str, value: Any, error: str) -> None:
    answer = client.post("/api/costs/", [cost(**{field: value}), cost(ad_id=5)], format="json")

    refused, taken = answer.json()
    assert answer.status_code == 202
    assert list(refused["error"]) == [field]
    assert error in refused["error"][field][0]
    assert taken == {"status": "stored"}
    assert [row[1] for row in stored()] == [5]


def test_missing_fields_and_items_of_the_wrong_type(client: APIClient) -> None:
    answer = client.post("/api/costs/", [{}, 7, None], format="json")

    required = ["This field is required."]
    assert answer.status_code == 202
    assert answer.json()[0] == {
        "error": {"platform": required, "day": required, "advertiser_id": required, "cost": required}
    }
    assert [list(item["error"]) for item in answer.json()[1:]] == [["non_field_errors"], ["non_field_errors"]]


@pytest.mark.parametrize("body", [[], {"platform": "oceanengine"}, "x", [cost()] * 501])
def test_only_lists_of_a_certain_length_are_taken(client: APIClient, body: Any) -> None:
    answer = client.post("/api/costs/", body, format="json")

    assert answer.status_code == 400
    assert answer.json() == {"costs": ["A list of 1 to 500 items is expected."]}


def test_deep_nesting_is_refused(client: APIClient) -> None:
    answer = client.post("/api/costs/", "[" * 100_000, content_type="application/json")

    assert answer.status_code == 400


def test_user_tokens_and_strangers_may_not_post(client: APIClient) -> None:
    refusals = [user_client(None, "u").post("/api/costs/", [cost()], format="json"), APIClient().post("/api/costs/")]

    assert [answer.status_code for answer in refusals] == [403, 401]
    assert stored() == []


def test_full_list_takes_as_many_queries_as_a_short_one(client: APIClient) -> None:
    counts = []
    for length in (1, 500):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.post("/api/costs/", [cost(ad_id=n) for n in range(length)], format="json")
        assert answer.json() == [{"status": "stored"}] * length
        counts.append(sum("adcost" in query["sql"] or "creativecost" in query["sql"] for query in queries))

    assert counts == [2, 2]


def test_schema_describes_the_endpoint(client: APIClient) -> None:
    schema = client.get("/api/schema/?format=json").json()

    post = schema["paths"]["/api/costs/"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"type": "array", "items": {"$ref": "#/components/schemas/Cost"}}
    assert set(schema["components"]["schemas"]["Cost"]["required"]) == {"platform", "day", "advertiser_id", "cost"}
    assert list(post["responses"]) == ["202"]
