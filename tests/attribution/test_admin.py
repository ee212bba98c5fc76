"""The admin's pages of send records, as a marketer uses them."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from attribution.models import Conversion
from tests.attribution.conftest import ANDROID_ID, Pipeline

LIST = "/admin/attribution/conversion/"


@pytest.fixture
def marketer(db: None) -> User:
    user = User.objects.create(username="marketer", is_staff=True)
    names = ["view_conversion", "view_attempt", "resend_conversion"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def browser(marketer: User) -> Client:
    browser = Client()
    browser.force_login(marketer)
    return browser


def act(browser: Client, action: str, conversion: Conversion, reason: str = "") -> str:
    """Run the action on one selected record; returns the page that follows."""
    form = {"action": action, "_selected_action": str(conversion.pk), "reason": reason}
    return browser.post(LIST, form, follow=True).content.decode()


def test_record_is_shown_with_its_attempts_and_without_device_ids(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()
    pipeline.deliver()

    page = browser.get(f"{LIST}{conversion.pk}/change/").content.decode()

    assert "android_id 5f…46" in page
    assert "attribution query: attributed" in page
    assert "report: accepted" in page
    assert "com.example.demo" in page
    assert ANDROID_ID not in page


def test_record_can_not_be_edited(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    assert browser.post(f"{LIST}{conversion.pk}/change/", {"state": "reported"}).status_code == 403


def test_resend_needs_a_reason_and_keeps_it(browser: Client, pipeline: Pipeline) -> None:
    pipeline.now = timezone.now()  # the admin's clock
    pipeline.fault("conversion", "status", status=400, times=1)
    conversion = pipeline.report()
    pipeline.deliver()

    refused = act(browser, "resend", conversion)
    accepted = act(browser, "resend", conversion, reason="asked by the vendor")
    pipeline.wait(days=1)
    pipeline.deliver()

    assert "Say why" in refused
    assert "1 is sent again." in accepted
    attempt = conversion.attempts.latest("started_at")
    assert (attempt.outcome, attempt.resend_reason) == ("accepted", "asked by the vendor")
    assert attempt.resent_by == User.objects.get(username="marketer")


def test_hold_and_release(browser: Client, pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    pages = [act(browser, action, conversion) for action in ("hold", "release", "release")]

    assert "1 is held." in pages[0]
    assert "1 is released." in pages[1]
    assert "0 are released." in pages[2]


def test_who_may_only_look_has_no_actions(browser: Client, marketer: User, pipeline: Pipeline) -> None:
    marketer.user_permissions.set(Permission.objects.filter(codename="view_conversion"))
    conversion = pipeline.report()

    act(browser, "hold", conversion)

    conversion.refresh_from_db()
    assert conversion.state == "pending"


@pytest.mark.parametrize("page", ["app", "destination", "conversion", "click", "attribution"])
def test_list_opens(admin_client: Client, pipeline: Pipeline, page: str) -> None:
    pipeline.report()
    pipeline.deliver()

    answer = admin_client.get(f"/admin/attribution/{page}/")

    assert answer.status_code == 200
