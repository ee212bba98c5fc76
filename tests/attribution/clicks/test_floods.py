from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.admin.pages import suspicious
from attribution.clicks import floods, storage
from attribution.clicks.matching import Kind
from attribution.clicks.storage import Activation, NewClick
from attribution.devices import device_ids
from attribution.models import App, Click
from attribution.platforms.oceanengine import clicks

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
DAY: dict[str, Any] = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(seconds=1)}


def click(app: App, query: str, *, ago: timedelta, match_type: str = "click") -> NewClick:
    at = NOW - ago
    said = clicks.read(f"callback=B.x&match_type={match_type}&ts={int(at.timestamp())}&{query}", received_at=at)
    return NewClick(app.pk, "oceanengine", at, query, said)


def flood(app: App, query: str, number: int, *, within: timedelta) -> None:
    storage.store([click(app, query, ago=within * n / number) for n in range(number)])


@pytest.fixture
def app() -> App:
    return App.objects.create(slug="demo")


def test_device_with_many_clicks_in_an_hour_is_flagged(app: App) -> None:
    flood(app, "oaid=a1b2&aid=7", 2000, within=timedelta(minutes=20))
    flood(app, "oaid=c3d4&aid=7", 12, within=timedelta(hours=20))

    found = floods.find(**DAY)

    [flooding, usual] = found.devices
    assert (flooding.kind, flooding.clicks, flooding.most_an_hour, flooding.ads) == (Kind.OAID, 2000, 2000, 1)
    assert flooding.digest == device_ids.digest(device_ids.md5_of("a1b2"))
    assert (flooding.reason, usual.clicks, usual.reason) == ("Flooding: 2,000 clicks within an hour.", 12, "")
    assert found.read_since is None


def test_device_that_clicks_all_day_is_flagged(app: App) -> None:
    flood(app, "idfa=AEBE52E7-03EE-455A-B3C4-E57283966239", 110, within=timedelta(hours=23))

    [device] = floods.find(**DAY).devices

    assert (device.kind, device.reason) == (Kind.IDFA, "Flooding: 110 clicks a day.")


@pytest.mark.parametrize(
    ("query", "match_type", "number"),
    [
        pytest.param("oaid=a1b2", "click", 9, id="few"),
        pytest.param("oaid=a1b2", "impression", 100, id="impressions"),
        pytest.param("ip=203.0.113.7&ua=x", "click", 100, id="an address is no device"),
    ],
)
def test_what_is_no_flood(app: App, query: str, match_type: str, number: int) -> None:
    storage.store([click(app, query, ago=timedelta(seconds=n), match_type=match_type) for n in range(number)])

    assert floods.find(**DAY).devices == []


def test_floods_of_other_apps_and_days_are_left_out(app: App) -> None:
    other = App.objects.create(slug="other")
    flood(app, "oaid=a1b2", 20, within=timedelta(minutes=9))
    flood(other, "oaid=a1b2", 30, within=timedelta(minutes=9))

    assert [device.clicks for device in floods.find(**DAY).devices] == [30, 20]
    assert [device.clicks for device in floods.find(**DAY, app_ids=[app.pk]).devices] == [20]
    before: dict[str, Any] = {"since": NOW - timedelta(days=3), "until": NOW - timedelta(days=1)}
    assert floods.find(**before).devices == []


def test_only_the_newest_clicks_are_read(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    floods._statement.cache_clear()
    monkeypatch.setattr(floods, "READ", 50)
    flood(app, "oaid=a1b2", 60, within=timedelta(minutes=20))

    found = floods.find(**DAY)

    floods._statement.cache_clear()
    oldest_at = NOW - timedelta(minutes=20) * 50 / 60
    assert ([device.clicks for device in found.devices], found.read_since) == ([51], oldest_at)


@pytest.mark.parametrize(
    ("clicked", "ids"),
    [
        ("oaid=a1b2", {"oaid": "a1b2"}),
        ('caid=[{"caid":"c1"}]', {"caid": "c1"}),
        ("imei=868027010000001", {"imei": "868027010000001"}),
    ],
)
def test_match_of_a_flooding_device_is_flagged(app: App, clicked: str, ids: dict[str, str]) -> None:
    flood(app, clicked, 99, within=timedelta(hours=2))
    activations = [Activation(app=app, ids=ids, at=NOW + timedelta(hours=1))]
    [usual] = storage.flag_floods(storage.find(activations), activations)
    flood(app, clicked, 20, within=timedelta(hours=2))

    [flooded] = storage.flag_floods(storage.find(activations), activations)

    assert (usual.is_suspicious, flooded.is_suspicious, flooded.click_id is not None) == (False, True, True)
    assert flooded.detail.endswith("; 100 or more clicks of this device within a day: flooding")


def test_page_says_what_floods_and_leads_to_the_clicks(app: App, admin_client: Client) -> None:
    flood(app, "oaid=a1b2&aid=7", 25, within=timedelta(minutes=20))
    flood(app, "oaid=c3d4&aid=7", 11, within=timedelta(hours=20))

    page = admin_client.get("/admin/suspicious/?from=2026-11-22&to=2026-11-23")

    [flooding, usual] = page.context["devices"]
    assert (flooding.marks[0], flooding.reasons) == ("25", ["Flooding: 25 clicks within an hour."])
    assert (usual.marks[0], usual.reasons) == ("11", [])
    rows = admin_client.get(flooding.url).context["cl"].queryset
    assert set(rows) == set(Click.objects.filter(oaid_digest=device_ids.digest(device_ids.md5_of("a1b2"))))


@pytest.mark.parametrize("device", ["x", "oaid-", "oaid-zz", "nothing-00", "ip_user_agent-00"])
def test_list_refuses_what_is_no_device(app: App, admin_client: Client, device: str) -> None:
    storage.store([click(app, "oaid=a1b2", ago=timedelta())])

    page = admin_client.get(f"/admin/attribution/click/?device={device}")

    assert (page.status_code, list(page.context["cl"].queryset)) == (200, [])


def test_page_takes_the_same_queries_whatever_there_is(app: App, admin_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            assert admin_client.get("/admin/suspicious/?period=custom&from=2026-11-22&to=2026-11-23").status_code == 200
        return len(taken)

    none = queries()
    for number in range(3):
        flood(app, f"oaid=a{number}", 25, within=timedelta(minutes=20))

    assert queries() == none


def test_page_is_for_those_who_may_see_clicks(client: Client) -> None:
    client.force_login(User.objects.create(username="nobody", is_staff=True))

    assert client.get("/admin/suspicious/").status_code == 403
    assert suspicious.PERMISSION == "attribution.view_click"
