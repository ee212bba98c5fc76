from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from attribution.clicks import curves
from attribution.clicks.curves import Curve
from attribution.models import App, Attribution

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY: dict[str, Any] = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(seconds=1)}


def user(app: App, lag_s: int | None, **fields: Any) -> Attribution:
    usual: dict[str, Any] = {
        "platform": "oceanengine", "is_attributed": True, "source": "click", "callback_param": "B", "ad_id": 7,
        "activated_at": NOW, "asked_at": NOW, "click_to_install_s": lag_s,
    }  # fmt: skip
    number = Attribution.objects.count()
    return Attribution.objects.create(app=app, user_id=f"u-{number}", **usual | fields)


@pytest.fixture
def app(db: None) -> App:
    return App.objects.create(slug="demo")


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        pytest.param([0] * 8, [], id="nothing"),
        pytest.param([1, 10, 40, 30, 10, 5, 3, 1], [], id="real users"),
        pytest.param([4, 0, 0, 0, 0, 0, 0, 0], [], id="a few at once can be chance"),
        pytest.param(
            [5, 10, 40, 30, 10, 3, 1, 1],
            ["Injection: 5 of 100 installs came within 10 s of their click."],
            id="injection",
        ),
        pytest.param([5, 10, 40, 30, 10, 3, 2, 1], [], id="5 of 101 are fewer than 5 %"),
        pytest.param(
            [0, 0, 2, 4, 10, 20, 34, 30],
            [
                "Flat curve: of 100 installs only 6% came within an hour of the click, and 64% after more than a day.",
            ],
            id="flat",
        ),
        pytest.param([0, 0, 0, 0, 0, 0, 0, 29], [], id="too few to tell"),
        pytest.param([0, 0, 0, 25, 0, 0, 0, 75], [], id="a quarter within the hour"),
        pytest.param([0, 0, 0, 0, 0, 100, 0, 0], [], id="all within a day"),
    ],
)
def test_curve_gives_its_reasons(counts: list[int], reasons: list[str]) -> None:
    assert Curve(counts=counts).reasons == reasons


@pytest.mark.parametrize(
    ("lag_s", "bucket"),
    [
        (0, 0),
        (9, 0),
        (10, 1),
        (59, 1),
        (60, 2),
        (3599, 3),
        (3600, 4),
        (86_399, 5),
        (86_400, 6),
        (259_200, 7),
    ],
)
def test_installs_are_counted_by_their_time(app: App, lag_s: int, bucket: int) -> None:
    user(app, lag_s)

    [curve] = curves.find(**DAY).curves

    assert [number for number, count in enumerate(curve.counts) if count] == [bucket]


def test_curves_are_of_ads_and_of_users_whom_clicks_brought(app: App) -> None:
    user(app, 100, ad_id=7, ad_name="one")
    user(app, None, ad_id=8, source="platform", touched_at=NOW - timedelta(seconds=30))
    user(app, None, ad_id=8, touched_at=NOW - timedelta(days=9000))
    user(app, 100, match_type="impression")
    user(app, None, is_attributed=False, callback_param="", ad_id=None)
    user(app, -5)
    user(app, 100, asked_at=NOW - timedelta(days=2))
    user(App.objects.create(slug="other"), 100)

    found = curves.find(**DAY, app_ids=[app.pk])

    assert [(curve.ad_id, curve.ad_name, curve.installs) for curve in found.curves] == [(8, "", 2), (7, "one", 1)]
    assert (found.total.counts, found.read_since) == ([0, 1, 1, 0, 0, 0, 0, 1], None)
    assert curves.find(**DAY).total.installs == 4


def test_page_shows_the_curve_and_leads_to_its_users(app: App, admin_client: Client) -> None:
    for _ in range(6):
        user(app, 3, ad_id=7)
    for _ in range(9):
        user(app, 100, ad_id=8)

    page = admin_client.get("/admin/suspicious/?from=2026-11-22&to=2026-11-23")

    [injected, usual] = page.context["curves"]
    assert injected.reasons == ["Injection: 6 of 6 installs came within 10 s of their click."]
    assert (usual.reasons, usual.marks[0], page.context["total"].marks[:2]) == ([], "9", ["15", "40.0%"])
    rows = admin_client.get(injected.url).context["cl"].queryset
    assert set(rows) == set(Attribution.objects.filter(ad_id=7))
