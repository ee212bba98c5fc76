"""`/admin/costs/upload/`: a look at the file first, then all of it or nothing."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from attribution.costs import uploading
from attribution.models import AdCost, CostUpload

NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)
HEAD = "day,advertiser_id,campaign_id,ad_id,cost,impressions,clicks"
GOOD = f"{HEAD}\n2026-11-29,1768433294857219,73,74,12.34,1000,17\n2026-11-28,1768433294857219,73,74,0.0001,,\n"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def marketer(db: None) -> User:
    user = User.objects.create(username="marketer", is_staff=True)
    user.groups.add(Group.objects.get(name="Marketers"))
    return user


@pytest.fixture
def browser(marketer: User) -> Client:
    browser = Client()
    browser.force_login(marketer)
    return browser


def upload(browser: Client, text: str) -> HttpResponse:
    file = SimpleUploadedFile("costs.csv", text.encode(), content_type="text/csv")
    return browser.post("/admin/costs/upload/", {"file": file, "platform": "oceanengine"})  # type: ignore[return-value]


def confirm_address(page: HttpResponse) -> str:
    found = re.search(r'action="(/admin/costs/upload/[0-9]+/confirm/)"', page.content.decode())
    assert found is not None
    return found[1]


def test_file_is_shown_first_and_stored_when_confirmed(browser: Client, marketer: User) -> None:
    page = upload(browser, GOOD)

    text = page.content.decode()
    assert page.status_code == 200
    assert [word in text for word in ("12.34", "¥12.3401", "2026-11-28 – 2026-11-29", "1768433294857219")] == [True] * 4
    assert AdCost.objects.count() == 0

    answer = browser.post(confirm_address(page), follow=True)

    assert "2 rows of costs are stored." in answer.content.decode()
    assert list(AdCost.objects.order_by("day").values_list("ad_id", "cost_centifen", "clicks", "source")) == [
        (74, 1, None, "upload"),
        (74, 123_400, 17, "upload"),
    ]
    kept = CostUpload.objects.get()
    assert (kept.uploaded_by, kept.confirmed_at, kept.items, kept.rows) == (marketer, NOON, [], 2)


def test_one_bad_line_leaves_nothing_to_confirm(browser: Client) -> None:
    page = upload(browser, GOOD + "2026-11-31,1,2,3,4,5,6\n")

    text = page.content.decode()
    assert "1 line is wrong; nothing was stored." in text
    assert "&#x27;2026-11-31&#x27; is not a valid date." in text
    assert "/confirm/" not in text
    assert (AdCost.objects.count(), CostUpload.objects.count()) == (0, 0)


def test_file_without_headings_says_what_is_missing(browser: Client) -> None:
    page = upload(browser, "1,2,3\n")

    assert "No column for day, advertiser_id, cost." in page.content.decode()


def test_second_confirmation_changes_nothing(browser: Client) -> None:
    address = confirm_address(upload(browser, GOOD))
    browser.post(address)
    AdCost.objects.update(cost_centifen=5)

    answer = browser.post(address, follow=True)

    assert "was stored before" in answer.content.decode()
    assert set(AdCost.objects.values_list("cost_centifen", flat=True)) == {5}


def test_what_nobody_confirms_is_forgotten_after_a_day(browser: Client) -> None:
    address = confirm_address(upload(browser, GOOD))
    with time_machine.travel(NOON + timedelta(days=1, seconds=1), tick=False):
        answer = browser.post(address)
        forgotten = uploading.forget_unconfirmed(NOON + timedelta(days=1, seconds=1))

    assert (answer.status_code, forgotten) == (302, 1)
    assert (AdCost.objects.count(), CostUpload.objects.count()) == (0, 0)


def test_confirmed_upload_stays_as_a_record(browser: Client) -> None:
    browser.post(confirm_address(upload(browser, GOOD)))

    assert uploading.forget_unconfirmed(NOON + timedelta(days=900)) == 0


def test_page_needs_its_permission(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="guest", is_staff=True))

    assert browser.get("/admin/costs/upload/").status_code == 403
    assert browser.post("/admin/costs/upload/1/confirm/").status_code == 403


def test_list_of_costs_shows_them_and_finds_an_ad(browser: Client) -> None:
    browser.post(confirm_address(upload(browser, GOOD)))

    page = browser.get("/admin/attribution/adcost/", {"q": "74"}).content.decode()
    none = browser.get("/admin/attribution/adcost/", {"q": "999"}).content.decode()

    assert [word in page for word in ("¥12.34", "¥0.0001", "Ocean Engine", "/admin/costs/upload/")] == [True] * 4
    assert "¥12.34" not in none
