"""Send records in a real browser: filter, read one, send it again, export a list."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from attribution.models import App, Click, Conversion, Destination
from tests.servers import eventually
from tests.stack import Stack

Screenshot = Callable[[Page, str], None]
LIST = "/admin/attribution/conversion/"
HUAWEI = "HuaWei"


@pytest.fixture
def records(stack: Stack) -> list[Conversion]:
    """A payment that Ocean Engine refused, one that it accepted, and a user whom no ad brought."""
    stack.ask_sandbox(
        "POST", "/_faults", {"on": "conversion", "kind": "status", "status": 400, "times": 1, "message": "bad callback"}
    )
    _report(stack, "payer", event="active_pay", amount=4900, outer_event_id="order-77")
    _settled(1)
    _report(stack, "buyer", event="active_pay", amount=129900, outer_event_id="=1+1", channel=HUAWEI)
    _report(stack, "walker", android_id="organic-walker")
    return _settled(3)


def _report(stack: Stack, user: str, **fields: object) -> None:
    event = {"event": "active", "os": "android", "user_id": user, "android_id": f"5f8c1e0b7a{user}"} | fields
    stack.post("/api/events/", event).raise_for_status()


def _settled(count: int) -> list[Conversion]:
    """All records, once a worker has processed each."""

    def ask() -> list[Conversion]:
        return list(Conversion.objects.exclude(state="pending").order_by("received_at"))

    rows = eventually(ask, lambda found: len(found) == count)
    assert len(rows) == count
    return rows


def test_filter_open_resend_and_see_the_new_attempt(
    signed_in: Page, stack: Stack, records: list[Conversion], screenshot: Screenshot
) -> None:
    page = signed_in
    page.goto(LIST)
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    screenshot(page, "records-list")

    page.locator("#changelist a", has_text="Filters").click()
    page.locator("select[name=state]").evaluate("select => select.value = 'rejected'")
    screenshot(page, "records-filters")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("order-77")

    page.locator("#result_list tbody th a").first.click()
    expect(page.locator(".rm-timeline > li")).to_have_count(5)
    page.locator(".rm-timeline summary", has_text="Response").last.click()
    expect(page.locator(".rm-timeline pre").last).to_be_visible()
    screenshot(page, "record-rejected")

    page.get_by_role("link", name="Send again…").click()
    screenshot(page, "records-act")
    page.get_by_label("Reason").fill("the callback was fixed")
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url("**/change/")
    eventually(lambda: Conversion.objects.get(pk=records[0].pk).state, lambda state: state == "reported")
    page.reload()

    expect(page.locator(".rm-timeline > li")).to_have_count(6)
    newest = page.locator(".rm-timeline > li").nth(4)
    expect(newest).to_contain_text("accepted")
    expect(newest).to_contain_text("the callback was fixed")
    expect(newest).to_contain_text("admin")
    screenshot(page, "record-resent")


def test_all_that_match_are_resent_from_the_list(signed_in: Page, records: list[Conversion]) -> None:
    page = signed_in
    page.goto(f"{LIST}?event=active_pay")

    page.locator("summary", has_text="With all in this list").click()
    page.get_by_role("link", name="Send again…").click()
    expect(page.locator(".rm-count")).to_have_text("2 records")
    page.get_by_label("Reason").fill("again, please")
    page.get_by_role("button", name="Send again").click()

    expect(page.locator("body")).to_contain_text("2 are sent again.")
    expect(page).to_have_url(re.compile("event=active_pay"))


def test_ticked_records_are_held(signed_in: Page, records: list[Conversion]) -> None:
    Conversion.objects.filter(user_id="walker").update(due_at="2100-01-01T00:00:00Z")
    page = signed_in
    page.goto(LIST)

    page.locator("tr", has_text="walker").locator("input.action-select").check()
    page.locator("select[name=action]").select_option("hold")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Reason").fill("wait for the vendor")
    page.get_by_role("button", name="Hold").click()

    expect(page.locator("body")).to_contain_text("1 is held.")
    assert Conversion.objects.get(user_id="walker").detail == "admin: wait for the vendor"


def test_exported_files_are_what_the_list_shows(signed_in: Page, records: list[Conversion], tmp_path: Path) -> None:
    page = signed_in
    page.goto(f"{LIST}?state=reported")

    with page.expect_download() as csv_download:
        page.get_by_role("link", name="Export CSV").click()
    with page.expect_download() as xlsx_download:
        page.get_by_role("link", name="Export XLSX").click()

    csv_download.value.save_as(tmp_path / "list.csv")
    xlsx_download.value.save_as(tmp_path / "list.xlsx")
    [line] = csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text("utf-8-sig")))
    headings, row = openpyxl.load_workbook(tmp_path / "list.xlsx").active.iter_rows(values_only=True)
    sheet = dict(zip(headings, row, strict=True))
    assert (line["user_id"], line["outer_event_id"], line["amount_cny"]) == ("buyer", "'=1+1", "1299")
    assert (sheet["user_id"], sheet["outer_event_id"], sheet["amount_fen"]) == ("buyer", "'=1+1", 129900)
    assert line["advertiser_id"] == sheet["advertiser_id"] == str(Conversion.objects.get(user_id="buyer").advertiser_id)
    assert csv_download.value.suggested_filename == "send-records.csv"


def test_not_delivered_leads_to_the_records(signed_in: Page, records: list[Conversion], screenshot: Screenshot) -> None:
    page = signed_in
    page.goto(f"{LIST}not-delivered/")
    screenshot(page, "not-delivered")

    page.get_by_role("link", name="the platform refused the report").click()

    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("payer")


def test_monitor_link_is_copied_whole(signed_in: Page, stack: Stack, screenshot: Screenshot) -> None:
    page = signed_in
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=stack.url)
    app = App.objects.get(slug="demo")
    page.goto(f"/admin/attribution/app/{app.pk}/change/")

    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    screenshot(page, "app")

    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"/track/oceanengine/{app.monitor_token}/?" in copied
    assert copied.endswith("__MID6__")


@pytest.mark.parametrize("look", ["light-en", "dark-zh", "phone-dark-zh", "phone-light-en"])
def test_pages_are_readable(signed_in: Page, records: list[Conversion], screenshot: Screenshot, look: str) -> None:
    """In both themes and languages, wide and narrow; nothing sticks out of a phone's page."""
    page = signed_in
    Destination.objects.filter(key="attribution").update(
        failures=9, last_error="HTTP 503", open_until="2100-01-01T00:00Z"
    )
    Click.objects.create(
        app=App.objects.get(slug="demo"), clicked_at=records[0].occurred_at, received_at=records[0].received_at,
        request_id="req-1", platform="oceanengine", ad_name="春季拉新", advertiser_id=1700000000000000001,
    )  # fmt: skip
    page.set_viewport_size({"width": 390, "height": 844} if "phone" in look else {"width": 1440, "height": 900})
    page.emulate_media(color_scheme="dark" if "dark" in look else "light")
    if "zh" in look:
        page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": page.url}])
    pages = {
        "list": LIST,
        "record": f"{LIST}{records[0].pk}/change/",
        "not-delivered": f"{LIST}not-delivered/",
        "act": f"{LIST}act/resend/?state=rejected",
        "clicks": "/admin/attribution/click/",
        "attributions": "/admin/attribution/attribution/",
        "destinations": "/admin/attribution/destination/",
        "app": f"/admin/attribution/app/{App.objects.get(slug='demo').pk}/change/",
    }
    too_wide = []

    for name, address in pages.items():
        page.goto(address)
        screenshot(page, f"records-{look}-{name}")
        if not page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"):
            too_wide.append(name)

    assert too_wide == []
