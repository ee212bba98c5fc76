"""From click to statistics, export and pages, for a platform that only this folder knows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from attribution.delivery import rounds
from attribution.events import intake
from attribution.events.reported import ReportedEvent
from attribution.models import App, Attempt, Attribution, Click, Conversion, Destination
from attribution.records import actions, batches
from attribution.statistics import summing, table
from attribution.statistics.scopes import Scope
from tests.attribution.admin.test_exports import csv_rows
from tests.attribution.clicks.test_tracking import call
from tests.attribution.conftest import server_client
from tests.platforms.made_up import settings as made_up
from tests.platforms.made_up.platform import answer
from tests.platforms.made_up.server import Host, serving

# Clicks are written in a thread with a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
OAID = "5f3d8c1e-7b2a-4d9f"
AD = {"acc": "70", "wall": "71", "wall_name": "North wall", "poster": "72", "lamp": "neon"}


@pytest.fixture
def host(settings: Settings) -> Iterator[Host]:
    with serving() as host:
        settings.ATTRIBUTION_PLATFORMS = {"billboard": made_up.ATTRIBUTION_PLATFORMS["billboard"]}
        settings.BILLBOARD_ORIGINS = [host.origin]
        yield host


@pytest.fixture
def app(host: Host) -> App:
    return App.objects.create(slug="demo")


def click(app: App, host: Host, **parameters: str) -> tuple[int, bytes]:
    at = str(round((timezone.now() - timedelta(minutes=5)).timestamp()))
    given = {**AD, "oa": OAID, "at": at, "cb": f"{host.origin}/cb?id=c-1", **parameters}
    [found] = call(f"/track/billboard/{app.monitor_token}/?{urlencode(given)}")
    return found


def happen(app: App, event: str = "active", **fields: Any) -> Conversion:
    now = timezone.now()
    usual: dict[str, Any] = {"os": "android", "device": {"oaid": OAID}, "occurred_at": now}
    reported = ReportedEvent(app_id=app.pk, user_id="u-1", event=event, **usual | fields)
    [receipt] = intake.receive([reported], now=now)
    return Conversion.objects.get(pk=receipt.id)


def deliver(*rows: Conversion, later: timedelta = timedelta()) -> None:
    rounds.deliver_due(budget_s=60, clock=lambda: timezone.now() + later)
    for row in rows:
        row.refresh_from_db()


def fate(row: Conversion) -> tuple[str, str]:
    return row.state, row.reason


def test_click_brings_the_user_and_its_callback_gets_the_report(app: App, host: Host) -> None:
    assert click(app, host) == (200, b'{"ok":1}')
    activation = happen(app)
    payment = happen(app, "active_pay", amount_fen=1999, outer_event_id="order-1")

    deliver(activation, payment)

    assert (fate(activation), fate(payment)) == (("reported", ""), ("reported", ""))
    attribution = Attribution.objects.get()
    assert (attribution.platform, attribution.source, attribution.reason) == ("billboard", "click", "oaid")
    assert (attribution.advertiser_id, attribution.campaign_id, attribution.ad_id) == (70, 71, 72)
    assert (attribution.campaign_name, attribution.platform_ad) == ("North wall", {"lamp": "neon"})
    when = {row.event: str(int(row.occurred_at.timestamp())) for row in (activation, payment)}
    usual = {"id": "c-1", "poster": "72", "oaid": OAID}
    assert sorted(host.calls, key=lambda found: found["kind"]) == [
        {**usual, "kind": "buy", "when": when["active_pay"], "yuan": "19.99"},
        {**usual, "kind": "open", "when": when["active"]},
    ]
    assert set(Destination.objects.values_list("platform", "key")) == {("billboard", "70")}


def test_request_is_shown_without_the_device(app: App, host: Host) -> None:
    click(app, host)
    happen(app)

    deliver()

    request = Attempt.objects.get().request
    assert "oaid=5f…9f" in request
    assert OAID not in request


def test_link_has_its_macros_and_unknown_ones_are_absent(app: App, host: Host, capsys: Any) -> None:
    call_command("add_app", "demo")
    link = capsys.readouterr().out.strip()
    path = link.partition("/track/")[2]

    [found] = call(f"/track/{path}")

    assert found == (200, b'{"ok":1}')
    stored = Click.objects.get()
    assert (stored.ad_id, stored.oaid_digest, stored.callback_param) == (None, None, "")
    assert call("/track/billboard/nobody/?oa=1") == [(404, b'{"ok":0}')]


def test_event_without_a_word_is_skipped(app: App, host: Host) -> None:
    click(app, host)
    row = happen(app, "game_addiction")

    deliver(row)

    assert (fate(row), row.detail, host.calls) == (("skipped", "no_word"), "Billboard", [])


def test_refusal_is_the_platforms(app: App, host: Host) -> None:
    click(app, host)
    host.answers = [(200, answer(False, why="the poster is gone"))]
    row = happen(app)

    deliver(row)

    assert (fate(row), row.detail) == (("rejected", "report_rejected"), "the poster is gone")


def test_known_failure_is_tried_again_with_the_identical_request(app: App, host: Host) -> None:
    click(app, host)
    host.answers = [(503, b"later")]
    row = happen(app)

    deliver(row)
    assert row.state == "pending"
    deliver(row, later=timedelta(minutes=1))

    assert row.state == "reported"
    assert host.calls[0] == host.calls[1]


@pytest.mark.parametrize("body", [None, b"<html>"], ids=["cut", "not the vendor's"])
def test_report_of_unknown_fate_is_not_sent_again(app: App, host: Host, body: bytes | None) -> None:
    click(app, host)
    host.answers = [(200, body)]
    row = happen(app)

    deliver(row)
    happen(app)
    deliver(row, later=timedelta(days=1))

    assert (fate(row), len(host.calls)) == (("failed", "outcome_unknown"), 1)


def test_report_whose_worker_died_is_not_sent_again(app: App, host: Host) -> None:
    click(app, host)
    row = happen(app)
    deliver(row)
    Attempt.objects.update(outcome="unknown", duration_ms=None)
    Conversion.objects.update(state="pending", due_at=timezone.now(), finished_at=None)

    deliver(row)

    assert (fate(row), len(host.calls)) == (("failed", "outcome_unknown"), 1)


def test_only_a_person_who_ticks_it_sends_it_again(app: App, host: Host, admin_user: Any) -> None:
    click(app, host)
    host.answers = [(200, None)]
    row = happen(app)
    deliver(row)

    def resend(query: str) -> int:
        action = batches.ask(batches.Kind.RESEND, query, by=admin_user, reason="why not", now=timezone.now())
        return batches.resume(action.pk, budget_s=5, now=timezone.now()).changed

    assert resend("state=failed") == 0
    assert resend(f"id={row.pk}") == 1
    deliver(row)

    assert (fate(row), len(host.calls)) == (("reported", ""), 2)


@pytest.mark.parametrize(
    "callback",
    ["http://127.0.0.1:1/cb", "http://169.254.169.254/latest", "{origin}@evil.example/cb", "{origin}.evil/", "cb"],
)
def test_address_that_is_not_the_platforms_is_never_called(app: App, host: Host, callback: str) -> None:
    """Anyone who knows the link can forge a click."""
    click(app, host, cb=callback.replace("{origin}", host.origin))
    row = happen(app)

    deliver(row)

    assert (fate(row), host.calls) == (("rejected", "report_rejected"), [])
    assert row.detail == "the address is not one of this platform's"


def test_platform_that_is_taken_out_holds_its_reports(app: App, host: Host, settings: Settings) -> None:
    click(app, host)
    deliver(happen(app))
    both = settings.ATTRIBUTION_PLATFORMS
    settings.ATTRIBUTION_PLATFORMS = {"oceanengine": made_up.ATTRIBUTION_PLATFORMS["oceanengine"]}
    row = happen(app, "active_register")

    deliver(row)
    assert fate(row) == ("held", "no_platform")
    assert actions.release_switched_on(timezone.now()) == 0
    settings.ATTRIBUTION_PLATFORMS = both
    assert actions.release_switched_on(timezone.now()) == 1
    deliver(row)

    assert fate(row) == ("reported", "")


def test_two_platforms_of_equal_ids_share_nothing(app: App, host: Host, settings: Settings) -> None:
    """Neither a click, nor a breaker, nor a name, nor a statistic."""
    settings.ATTRIBUTION_PLATFORMS = made_up.ATTRIBUTION_PLATFORMS
    click(app, host, req="r-1")
    call(f"/track/oceanengine/{app.monitor_token}/?advertiser_id=70&project_id=71&promotion_id=72&request_id=r-1")
    Destination.objects.create(platform="oceanengine", key="70", name="Mine", is_enabled=False)
    Attribution.objects.create(
        app=app, user_id="u-1", is_attributed=True, source="click", activated_at=NOW, asked_at=NOW,
        platform="billboard", advertiser_id=70, campaign_id=71, ad_id=72, callback_param=f"{host.origin}/cb",
    )  # fmt: skip
    row = happen(app)

    deliver(row)
    summing.catch_up(timezone.now())

    assert (fate(row), Click.objects.count()) == (("reported", ""), 2)
    today = timezone.localdate()
    rows, totals = table.table(Scope(since=today, until=today), ["ad"], today=today)
    shown = ("platform", "advertiser_name", "campaign_name", "ad_id", "clicks", "activations")
    assert [tuple(line[name] for name in shown) for line in rows] == [
        ("billboard", "", "North wall", "72", 1, 1),
        ("oceanengine", "Mine", "", "72", 1, 0),
    ]
    assert (totals["clicks"], totals["activations"]) == (2, 1)


def test_pages_and_export_show_it(app: App, host: Host, admin_client: Client) -> None:
    click(app, host)
    row = happen(app)
    deliver(row)
    summing.catch_up(timezone.now())

    record = admin_client.get(f"/admin/attribution/conversion/{row.pk}/change/").content.decode()
    assert "Wall" in record
    assert "North wall · 71" in record
    statistics = admin_client.get("/admin/statistics/?group_by=campaign&period=today").content.decode()
    assert "North wall" in statistics
    app_page = admin_client.get(f"/admin/attribution/app/{app.pk}/change/").content.decode()
    assert f"/track/billboard/{app.monitor_token}/?acc={{ACC}}" in app_page
    for model in ("conversion", "click", "attribution"):
        page = admin_client.get(f"/admin/attribution/{model}/?platform=billboard&advertiser=70&campaign=71&ad=72")
        assert len(page.context["cl"].result_list) == 1
    [line] = csv_rows(admin_client, "ad=72&platform=billboard")
    assert (line["project_or_campaign_id"], line["project_or_campaign"], line["promotion_or_ad_id"]) == (
        "71",
        "North wall",
        "72",
    )
    shown = server_client(app).get("/api/attributions/u-1/").json()
    assert (shown["campaign_id"], shown["campaign_name"], shown["aid"], shown["promotion_id"]) == (
        "71",
        "North wall",
        "72",
        None,
    )
