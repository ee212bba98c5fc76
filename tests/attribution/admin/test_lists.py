"""The admin's pages of send records, as a marketer uses them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.models import App, Attempt, Click, Conversion, Destination
from attribution.records import filtering
from attribution.statistics import summing
from foundation.database import patience
from tests import servers
from tests.attribution.conftest import ANDROID_ID, NOW, Pipeline

LIST = "/admin/attribution/conversion/"


@pytest.fixture
def marketer(db: None) -> User:
    user = User.objects.create(username="marketer", is_staff=True)
    names = ["view_conversion", "view_click", "view_attribution", "resend_conversion", "export_conversion"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def browser(marketer: User) -> Client:
    browser = Client()
    browser.force_login(marketer)
    return browser


@pytest.fixture
def onlooker(db: None) -> Client:
    """May look, and do nothing else."""
    user = User.objects.create(username="onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_conversion"]))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """Everything uses the pipeline's clock."""
    with time_machine.travel(NOW, tick=False):
        yield


def users_in(browser: Client, query: str = "", model: str = "conversion") -> set[str]:
    """Whose rows the list shows."""
    answer = browser.get(f"/admin/attribution/{model}/?{query}")
    assert answer.status_code == 200, answer.headers
    return {row.user_id for row in answer.context["cl"].result_list}


def act(browser: Client, action: str, *conversions: Conversion, reason: str = "") -> str:
    """Run the action on ticked records through the list and its confirmation page; returns the page that follows."""
    form = {"action": action, "_selected_action": [str(each.pk) for each in conversions], "index": "0"}
    asked = browser.post(LIST, form)
    return browser.post(asked.headers["Location"], {"reason": reason}, follow=True).content.decode()


def test_list_shows_state_ad_and_reason(browser: Client, pipeline: Pipeline) -> None:
    pipeline.report(device={"android_id": "organic-1"})
    pipeline.report(user="u-2")
    pipeline.deliver()

    page = browser.get(LIST).content.decode()

    assert "organic" in page
    assert "reported" in page
    assert "no click has any of its device ids" in page
    assert "Show all" not in page


@pytest.mark.parametrize(
    ("query", "users"),
    [
        ("", {"u-1", "u-2", "u-3"}),
        ("state=reported", {"u-1"}),
        ("state=organic", {"u-2"}),
        ("event=active_pay", {"u-3"}),
        ("os=ios", {"u-3"}),
        ("channel=HuaWei", {"u-2"}),
        ("since=2026-11-23", {"u-1", "u-2", "u-3"}),
        ("until=2026-11-22", set()),
        ("since=2026-11-23&until=2026-11-23&state=pending", {"u-3"}),
        ("reason=no_click", {"u-2"}),
        ("q=u-1", {"u-1"}),
        ("q=order-1", {"u-3"}),
        ("q=nobody", set()),
        ("q=" + "9" * 400, set()),
    ],
)
def test_filters_and_search(browser: Client, pipeline: Pipeline, query: str, users: set[str]) -> None:
    pipeline.report()
    pipeline.report(user="u-2", device={"android_id": "organic-1"}, channel="HuaWei")
    pipeline.deliver()
    pipeline.report("active_pay", user="u-3", os="ios")

    assert users_in(browser, query) == users


@pytest.mark.parametrize("many_users", [0, filtering.MANY_USERS])
def test_search_by_event_id_app_and_ad(
    browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, many_users: int
) -> None:
    monkeypatch.setattr(filtering, "MANY_USERS", many_users)
    mine = pipeline.report()
    pipeline.report(user="u-2", device={"android_id": "organic-1"})
    pipeline.deliver()
    mine.refresh_from_db()
    assert mine.attribution

    queries = [
        f"q={mine.pk}",
        f"id={mine.pk}",
        "source=attributed",
        f"advertiser={mine.advertiser_id}",
        f"campaign={mine.attribution.campaign_id}",
        f"ad={mine.attribution.ad_id}",
    ]

    assert [users_in(browser, query) for query in queries] == [{"u-1"}] * 6
    assert users_in(browser, "source=organic") == {"u-2"}
    assert users_in(browser, f"app={pipeline.app.pk}") == {"u-1", "u-2"}
    assert users_in(browser, f"app={pipeline.app.pk + 1}") == set()


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday", "since=0001-01-01", "until=9999-12-31", "state=lost", "app=x", "advertiser=-1", "ad=1e3",
        "advertiser=99999999999999999999", "campaign=x", "source=elsewhere", "id=1", "event=%00",
    ],
)  # fmt: skip
def test_bad_filter_shows_nothing_and_names_itself(browser: Client, pipeline: Pipeline, query: str) -> None:
    pipeline.report()
    name = query.partition("=")[0]

    listed = browser.get(f"{LIST}?{query}", follow=True).content.decode()
    exported = browser.get(f"{LIST}export/csv/?{query}")
    asked = browser.get(f"{LIST}act/resend/?{query}")

    assert f"Filter “{name}”" in listed
    assert "u-1" not in listed
    assert (exported.status_code, asked.status_code) == (400, 400)
    assert f"Filter “{name}”" in exported.content.decode()
    assert f"Filter “{name}”" in asked.content.decode()


@pytest.mark.parametrize("are_summed", [False, True])
@pytest.mark.parametrize(
    ("query", "users"),
    [("channel=HuaWei", {"u-1"}), ("channel=nowhere", set()), ("channel=HuaWei&since=2026-11-24", set())],
)
def test_channel_is_found_before_and_after_it_is_summed(
    browser: Client, pipeline: Pipeline, are_summed: bool, query: str, users: set[str]
) -> None:
    pipeline.report(channel="HuaWei", occurred_at=NOW - timedelta(days=3))
    pipeline.report(user="u-2", channel="xiaomi")
    if are_summed:
        summing.catch_up(NOW)

    assert users_in(browser, query) == users


def test_click_page_names_its_platform_and_what_could_not_be_read(pipeline: Pipeline, browser: Client) -> None:
    click = Click.objects.create(
        app=pipeline.app, platform="oceanengine", clicked_at=NOW, received_at=NOW, request_id="r", oddities=["os", "ts"]
    )

    page = browser.get(f"/admin/attribution/click/{click.pk}/change/").content.decode()

    assert "Ocean Engine" in page
    assert "oceanengine" not in page
    assert "os, ts" in page


@pytest.mark.parametrize("are_summed", [False, True])
def test_clicks_of_an_ad_are_those_that_the_statistics_count(
    browser: Client, pipeline: Pipeline, are_summed: bool
) -> None:
    for number, ids in enumerate([{"ad_id": 7}, {"ad_id": 7}, {"ad_id": 8}, {"advertiser_id": 7}, {"campaign_id": 7}]):
        Click.objects.create(
            app=pipeline.app, clicked_at=NOW, received_at=NOW, request_id=f"r-{number}", **ids
        )  # fmt: skip
    if are_summed:
        summing.catch_up(NOW)

    def clicks(query: str) -> set[str]:
        rows = browser.get(f"/admin/attribution/click/?{query}").context["cl"].result_list
        return {row.request_id for row in rows}

    assert (clicks("ad=7"), clicks("ad=8"), clicks("ad=9")) == ({"r-0", "r-1"}, {"r-2"}, set())
    assert (clicks("advertiser=7"), clicks("advertiser=8")) == ({"r-3"}, set())
    assert (clicks("campaign=7"), clicks("campaign=8")) == ({"r-4"}, set())


def test_unknown_filter_is_refused_where_rows_are_exported_or_changed(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    exported = browser.get(f"{LIST}export/csv/?user_id=u-2")
    acted = browser.post(f"{LIST}act/hold/?user_id=u-2", {"reason": "x"})

    conversion.refresh_from_db()
    assert (exported.status_code, acted.status_code, conversion.state) == (400, 400, "pending")


@pytest.mark.parametrize("model", ["conversion", "click", "attribution"])
def test_list_counts_nothing_and_needs_no_more_queries_for_more_rows(
    browser: Client, pipeline: Pipeline, model: str
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert browser.get(f"/admin/attribution/{model}/?_facets=True").status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    add_user(pipeline, "u-1")
    queries()  # content types and permissions are cached from here on
    one = queries()
    add_user(pipeline, "u-2")
    add_user(pipeline, "u-3")
    three = queries()

    assert len(three) == len(one)
    assert [sql for sql in three if "COUNT(" in sql] == []


def add_user(pipeline: Pipeline, user: str) -> None:
    Click.objects.create(app=pipeline.app, clicked_at=pipeline.now, received_at=pipeline.now, request_id=user)
    pipeline.report(user=user)
    pipeline.deliver()


def test_pages_end_somewhere(browser: Client, pipeline: Pipeline) -> None:
    pipeline.report()

    assert browser.get(f"{LIST}?p=2").status_code == 200
    assert browser.get(f"{LIST}?p=100000000").status_code == 302


def test_record_is_a_timeline_without_device_ids(browser: Client, pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=503, times=1)
    conversion = pipeline.report("active_pay")
    pipeline.deliver()

    page = browser.get(f"{LIST}{conversion.pk}/change/")

    steps = page.context["steps"]
    assert [(step.title, step.badge) for step in steps] == [
        ("Payment", "event"),
        ("Which ad", "Ocean Engine"),
        ("Attribution query", "attributed"),
        ("Report", "unavailable"),
        ("Next attempt", "pending"),
    ]
    text = page.content.decode()
    assert "android_id 5f…46" in text
    assert "¥19.99" in text
    assert "&quot;event_type&quot;: &quot;active_pay&quot;" in text
    assert ANDROID_ID not in text


@pytest.mark.parametrize("object_id", ["1", "x" * 500, "a3185d70-3feb-42ab-b9ce-832f35a96e68", "_00"])
def test_record_that_there_is_not(browser: Client, object_id: str) -> None:
    assert browser.get(f"{LIST}{object_id}/change/").status_code == 302


def test_record_costs_the_same_queries_with_more_attempts(browser: Client, pipeline: Pipeline) -> None:
    def queries(conversion: Conversion) -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"{LIST}{conversion.pk}/change/")
        return len(captured)

    conversion = pipeline.report()
    pipeline.deliver()
    queries(conversion)
    before = queries(conversion)
    for number in range(5):
        Attempt.objects.create(
            conversion=conversion, kind="report", started_at=pipeline.now + timedelta(seconds=number),
            resent_by=User.objects.create(username=f"user-{number}"), resend_reason="again",
        )  # fmt: skip

    assert queries(conversion) == before


def test_record_can_not_be_edited(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    assert browser.post(f"{LIST}{conversion.pk}/change/", {"state": "reported"}).status_code == 403


def test_page_before_an_action_names_the_filters_as_the_list_does(browser: Client, pipeline: Pipeline) -> None:
    pipeline.report()
    query = f"state=pending&since=2026-11-23&app={pipeline.app.pk}&reason=-&q=u-1&channel="

    shown = browser.get(f"{LIST}act/hold/?{query}").context["filters"]
    english = [(str(name), str(value)) for name, value in shown]
    chinese = browser.get(f"{LIST}act/hold/?{query}", headers={"Accept-Language": "zh-hans"}).content.decode()

    assert english == [
        ("state", "pending"), ("from", "2026-11-23"), ("app", "demo"), ("reason", "none"),
        ("User, order or event id", "u-1"),
    ]  # fmt: skip
    assert "状态: 等待中" in chinese


def test_record_shows_its_history_once(admin_client: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    page = admin_client.get(f"{LIST}{conversion.pk}/change/").content.decode()

    assert page.count(f"{LIST}{conversion.pk}/history/") == 1
    assert f"{LIST}{conversion.pk}/unmask/" in page


def test_resend_needs_a_reason_and_keeps_it(browser: Client, pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=400, times=1)
    conversion = pipeline.report()
    pipeline.deliver()

    refused = act(browser, "resend", conversion)
    accepted = act(browser, "resend", conversion, reason="asked by the vendor")
    pipeline.wait(seconds=1)
    pipeline.deliver()

    assert "Enter a reason" in refused
    assert "1 is sent again." in accepted
    attempt = conversion.attempts.latest("started_at")
    assert (attempt.outcome, attempt.resend_reason) == ("accepted", "asked by the vendor")
    assert attempt.resent_by == User.objects.get(username="marketer")


def test_second_resend_before_the_first_says_so(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()
    pipeline.deliver()

    act(browser, "resend", conversion, reason="first")
    page = act(browser, "resend", conversion, reason="second")

    conversion.refresh_from_db()
    assert conversion.resend_reason == "first"
    assert "0 are sent again." in page
    assert "already wait to be resent" in page


def test_hold_release_and_give_up(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    pages = [
        act(browser, action, conversion, reason="why not")
        for action in ("hold", "release", "release", "give_up", "give_up")
    ]

    assert "1 is held." in pages[0]
    assert "1 is released." in pages[1]
    assert "0 are released." in pages[2]
    assert "1 is given up." in pages[3]
    assert "0 are given up." in pages[4]
    conversion.refresh_from_db()
    assert (conversion.state, conversion.reason, conversion.detail, conversion.due_at) == (
        "failed", "by_hand", "marketer: why not", None,
    )  # fmt: skip


def test_who_may_resend_but_not_look_can_do_nothing(onlooker: Client, pipeline: Pipeline) -> None:
    User.objects.get(username="onlooker").user_permissions.set(Permission.objects.filter(codename="resend_conversion"))
    conversion = pipeline.report()

    answer = onlooker.post(f"{LIST}act/hold/?id={conversion.pk}", {"reason": "x"})

    conversion.refresh_from_db()
    assert (answer.status_code, conversion.state) == (403, "pending")


@pytest.mark.parametrize("action", ["resend", "hold", "release", "give_up"])
def test_who_may_only_look_can_do_nothing(onlooker: Client, pipeline: Pipeline, action: str) -> None:
    conversion = pipeline.report()
    pages = [
        onlooker.post(f"{LIST}act/{action}/?id={conversion.pk}", {"reason": "x"}),
        onlooker.get(f"{LIST}act/{action}/"),
        onlooker.get(f"{LIST}export/csv/"),
        onlooker.get(f"{LIST}export/xlsx/"),
        onlooker.post(f"{LIST}actions/1/stop/"),
    ]

    page = onlooker.get(f"{LIST}{conversion.pk}/change/").content.decode()

    conversion.refresh_from_db()
    assert [answer.status_code for answer in pages] == [403] * 5
    assert conversion.state == "pending"
    assert "act/resend" not in page
    assert "export/csv" not in onlooker.get(LIST).content.decode()


def test_not_delivered_says_why_and_leads_to_the_records(browser: Client, pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=400, times=1)
    pipeline.report()
    pipeline.report(user="u-2", device={"android_id": "organic-1"})
    pipeline.deliver()

    page = browser.get(f"{LIST}not-delivered/")

    states = {state.state: state for state in page.context["states"]}
    [group] = states["rejected"].groups
    assert (group.reason, group.count) == ("the platform refused the report", "1")
    assert users_in(browser, group.url.partition("?")[2]) == {"u-1"}
    assert [each.count for each in states["organic"].groups] == ["1"]
    assert states["failed"].groups == []


def test_groups_without_reason_or_error_lead_to_exactly_their_records(browser: Client, pipeline: Pipeline) -> None:
    rows = [pipeline.report(user=f"u-{number}") for number in range(5)]
    for row, (state, reason, detail) in zip(
        rows,
        [("pending", "", ""), ("pending", "", "HTTP 503"), ("held", "by_hand", ""), ("held", "by_hand", "x"),
         ("held", "", "")],
        strict=True,
    ):  # fmt: skip
        Conversion.objects.filter(pk=row.pk).update(state=state, reason=reason, detail=detail)

    states = {state.state: state for state in browser.get(f"{LIST}not-delivered/").context["states"]}

    found = {
        (state, group.reason, group.error): users_in(browser, group.url.partition("?")[2])
        for state in ("pending", "held")
        for group in states[state].groups
    }
    assert found == {
        ("pending", "", ""): {"u-0"},
        ("pending", "", "HTTP 503"): {"u-1"},
        ("held", "by a person", ""): {"u-2"},
        ("held", "by a person", "x"): {"u-3"},
        ("held", "", ""): {"u-4"},
    }


def test_not_delivered_costs_the_same_with_more_rows(browser: Client, pipeline: Pipeline) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"{LIST}not-delivered/")
        return len(captured)

    pipeline.report()
    queries()
    one = queries()
    pipeline.report(user="u-2")
    pipeline.report(user="u-3")

    assert queries() == one


def test_app_shows_its_whole_monitor_link(admin_client: Client, pipeline: Pipeline) -> None:
    page = admin_client.get(f"/admin/attribution/app/{pipeline.app.pk}/change/").content.decode()

    assert f"/track/oceanengine/{pipeline.app.monitor_token}/?advertiser_id=__ADVERTISER_ID__&amp;" in page
    assert "/?match_type=impression&amp;project_id=__PROJECT_ID__&amp;" in page
    assert "/?match_type=play&amp;advertiser_id=__ADVERTISER_ID__&amp;" in page
    assert "data-copy" in page
    assert admin_client.get("/admin/attribution/app/add/").status_code == 200


APP_FORM = {
    "slug": "demo", "click_window_days": 7, "play_window_hours": 24, "impression_window_hours": 24,
    "event_window_days": 90, "reattribution_days": 0, "key_behaviour_count": 1,
    "key_behaviour_hours": 24, "channel_packages-TOTAL_FORMS": 0, "channel_packages-INITIAL_FORMS": 0,
    "event_rules-TOTAL_FORMS": 0, "event_rules-INITIAL_FORMS": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "two words"), ("slug", ""), ("click_window_days", -1), ("click_window_days", 40_000),
        ("event_window_days", "x"), ("key_behaviour_count", 0), ("key_behaviour_hours", 0),
        ("key_behaviour_hours", 2_000_000_000), ("key_behaviour_event", "dance"),
    ],
)  # fmt: skip
def test_app_keeps_its_values_when_a_new_one_is_wrong(
    admin_client: Client, pipeline: Pipeline, field: str, value: object
) -> None:
    before = App.objects.values().get()

    answer = admin_client.post(f"/admin/attribution/app/{pipeline.app.pk}/change/", APP_FORM | {field: value})

    assert list(answer.context["adminform"].form.errors) == [field]
    assert App.objects.values().get() == before


def test_app_is_edited(admin_client: Client, pipeline: Pipeline) -> None:
    changed = {"android_package": "com.example.new", "key_behaviour_event": "chat", "key_behaviour_count": 3}

    answer = admin_client.post(f"/admin/attribution/app/{pipeline.app.pk}/change/", APP_FORM | changed)

    assert answer.status_code == 302
    assert App.objects.values(*changed).get() == changed


def test_app_with_rows_can_not_be_deleted(admin_client: Client, pipeline: Pipeline) -> None:
    unused = App.objects.create(slug="unused")
    pipeline.report()

    answers = [
        admin_client.post(f"/admin/attribution/app/{app.pk}/delete/", {"post": "yes"}) for app in (pipeline.app, unused)
    ]

    assert [answer.status_code for answer in answers] == [403, 302]
    assert App.objects.get() == pipeline.app
    assert "delete_selected" not in admin_client.get("/admin/attribution/app/").content.decode()


@pytest.mark.parametrize(
    ("fields", "badge"),
    [
        ({}, "closed"),
        ({"is_enabled": False}, "switched off"),
        ({"failures": 5}, "trying again"),
    ],
)
def test_destination_shows_its_breaker(
    admin_client: Client, pipeline: Pipeline, fields: dict[str, Any], badge: str
) -> None:
    Destination.objects.create(platform="oceanengine", key="1700000000000000001", **fields)

    page = admin_client.get("/admin/attribution/destination/").content.decode()

    assert badge in page.partition("<tbody")[2]


def test_everybody_who_sees_records_sees_who_changed_them(
    browser: Client, onlooker: Client, pipeline: Pipeline
) -> None:
    conversion = pipeline.report()
    act(browser, "hold", conversion, reason="wait for the vendor")

    listed = onlooker.get("/admin/attribution/bulkaction/")
    [action] = listed.context["cl"].result_list
    page = onlooker.get(f"/admin/attribution/bulkaction/{action.pk}/change/", follow=True).content.decode()

    assert "wait for the vendor" in listed.content.decode()
    assert "1 is held." in page
    assert onlooker.get(f"{LIST}actions/{action.pk + 1}/").status_code == 404
    assert onlooker.post("/admin/attribution/bulkaction/add/").status_code == 403


def test_record_has_a_history(browser: Client, pipeline: Pipeline) -> None:
    assert browser.get(f"{LIST}{pipeline.report().pk}/history/").status_code == 200


@pytest.mark.parametrize("page", ["app", "destination", "conversion", "click", "attribution"])
def test_list_and_row_open(admin_client: Client, pipeline: Pipeline, page: str) -> None:
    add_user(pipeline, "u-1")

    answer = admin_client.get(f"/admin/attribution/{page}/")
    row = answer.context["cl"].result_list[0]

    assert answer.status_code == 200
    assert admin_client.get(f"/admin/attribution/{page}/{row.pk}/change/").status_code == 200


def test_list_that_takes_too_long_asks_for_days(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LOOK_FOR_MS", 200)
    with psycopg.connect(servers.database_url()) as other:
        other.execute("LOCK TABLE attribution_conversion")

        pages = [
            browser.get(f"{LIST}?event=active"),
            browser.get(f"{LIST}act/hold/"),
            browser.get(f"{LIST}export/xlsx/"),
        ]

    assert [page.status_code for page in pages] == [400] * 3
    assert all("Choose days" in page.content.decode() for page in pages)
