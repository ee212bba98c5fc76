"""The dashboard and the statistics as a marketer uses them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from attribution import stats
from attribution.models import App, Destination
from tests.attribution.ad_world import ADS, World
from tests.stack import Stack

Screenshot = Callable[[Page, str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}


def _fill(app: App, *, now: datetime, days: int) -> None:
    """Users of three ads and some organic ones, a little more every day."""
    world = World(app)
    for ago in range(days):
        at = now - timedelta(days=ago)
        for number in range(12 + (days - ago) % 7):
            user = f"u-{ago}-{number}"
            ad = ADS[number % 3] if number % 4 else None
            for _ in range(3 if ad else 0):
                world.click(at, ad or ADS[0])
            if ad:
                world.attribute(user, ad, at=at)
            world.event("active", at, user=user, channel="huawei" if number % 2 else "xiaomi")
            if number % 3 == 0:
                world.event("active_register", at, user=user)
            if number % 5 == 0:
                world.event("active_pay", at, user=user, amount_fen=1999 + 700 * number)
            if number % 4 == 0 and ago:
                world.event("next_day_open", at + timedelta(days=1), user=user)
    Destination.objects.create(key=str(ADS[0].advertiser_id), name="示例广告主")
    stats.catch_up(now)


@pytest.fixture
def marketer(signed_in: Page) -> Page:
    """The browser of somebody who is signed in."""
    return signed_in


def report(stack: Stack, user: str) -> None:
    event = {"event": "active", "user_id": user, "os": "android", "android_id": "5f8c1e0b7a92d346"}
    assert stack.post("/api/events/", event).status_code == 202


def test_new_conversion_appears_without_reload(marketer: Page, stack: Stack) -> None:
    marketer.goto("/admin/")
    expect(marketer.locator("#live-status")).to_have_attribute("data-state", "open")

    report(stack, "the new one")

    row = marketer.locator(".rm-activity li", has_text="the new one")
    expect(row).to_be_visible(timeout=5_000)
    expect(row.locator(".rm-state")).to_have_text("reported", timeout=10_000)


def test_dashboard_shows_a_month_and_leads_down_to_the_records(
    marketer: Page, stack: Stack, screenshot: Screenshot
) -> None:
    _fill(App.objects.get(), now=timezone.now(), days=40)

    marketer.goto("/admin/?period=30d")
    expect(marketer.locator(".rm-kpi").first).to_contain_text("Clicks")
    screenshot(marketer, "dashboard")
