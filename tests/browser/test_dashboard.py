"""The dashboard and the statistics as a marketer uses them."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from attribution.models import App, Destination
from attribution.statistics import summing
from foundation.access.models import ApiKey
from tests.attribution.ad_world import ADS, World
from tests.redis_server import RedisServer
from tests.servers import Server
from tests.stack import Stack

Screenshot = Callable[[Page, str], None]
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDE: ViewportSize = {"width": 1440, "height": 900}


@pytest.fixture
def marketer(signed_in: Page) -> Page:
    """A marketer's page, signed in."""
    return signed_in


@pytest.fixture
def month(stack: Stack) -> None:
    """Users of three ads, and some organic ones, on each of 40 days."""
    world = World(App.objects.get())
    now = timezone.now()
    Destination.objects.create(platform="oceanengine", key=str(ADS[0].advertiser_id), name="示例广告主")
    for ago in range(40):
        _fill_day(world, ago, now - timedelta(days=ago))
    summing.catch_up(now)


def _fill_day(world: World, ago: int, at: datetime) -> None:
    events = []
    for number in range(12 + (40 - ago) % 7):
        user = f"u-{ago}-{number}"
        if number % 4:
            world.attribute(user, ADS[number % 3], at=at)
            world.click(at, ADS[number % 3], times=3)
        events.append(world.reported("active", at, user=user, channel="huawei" if number % 2 else "xiaomi"))
        if number % 3 == 0:
            events.append(world.reported("active_register", at, user=user))
        if number % 5 == 0:
            events.append(world.reported("active_pay", at, user=user, amount_fen=1999 + 700 * number))
        if number % 4 == 0 and ago:
            events.append(world.reported("next_day_open", at + timedelta(days=1), user=user))
    world.take_in(events, at)


def report(stack: Stack, user: str) -> None:
    event = {"event": "active", "user_id": user, "os": "android", "android_id": "5f8c1e0b7a92d346"}
    assert stack.post("/api/events/", event).status_code == 202


def has_drawn(page: Page, chart: str) -> bool:
    """Whether the canvas has any colour."""
    script = """(canvas) => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return pixels.data.some((byte) => byte > 0);
    }"""
    return bool(page.locator(f"canvas[data-chart={chart}]").evaluate(script))


def overflow(page: Page) -> int:
    """The number of pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_first_steps_are_said_and_then_gone(marketer: Page, stack: Stack, screenshot: Screenshot) -> None:
    ApiKey.objects.all().delete()
    App.objects.all().delete()
    marketer.goto("/admin/")
    expect(marketer.locator(".rm-steps")).to_contain_text("Add an app")
    expect(marketer.locator("[data-part=activity]")).to_contain_text("No event has arrived yet.")
    screenshot(marketer, "dashboard-empty")

    marketer.click("text=Add an app")

    expect(marketer).to_have_url(re.compile("/admin/attribution/app/add/"))


def test_dashboard_shows_the_period_that_is_chosen(
    marketer: Page, stack: Stack, month: None, screenshot: Screenshot
) -> None:
    marketer.set_viewport_size(WIDE)
    marketer.goto("/admin/?period=yesterday")
    clicks = marketer.locator(".rm-kpi", has_text="Clicks").first.locator("strong")
    yesterday = int(clicks.inner_text())

    marketer.click(".rm-presets >> text=30 days")
    expect(marketer.locator(".rm-presets [aria-current]")).to_have_text("30 days")
    expect(clicks).not_to_have_text(str(yesterday))
    assert has_drawn(marketer, "users")
    assert has_drawn(marketer, "money")
    screenshot(marketer, "dashboard")
    day = (timezone.localdate() - timedelta(days=1)).isoformat()
    marketer.fill("[name=from]", day)
    marketer.fill("[name=to]", day)
    marketer.select_option("[name=app]", "demo")
    marketer.click(".rm-period button")

    expect(clicks).to_have_text(str(yesterday))
    expect(marketer).to_have_url(re.compile(f"from={day}&to={day}&app=demo"))


def test_dashboard_is_readable_in_the_dark_and_on_a_phone(
    marketer: Page, stack: Stack, month: None, screenshot: Screenshot
) -> None:
    marketer.set_viewport_size(PHONE)
    marketer.goto("/admin/?period=30d")
    expect(marketer.locator(".rm-kpi").first).to_be_visible()
    assert overflow(marketer) <= 0
    screenshot(marketer, "dashboard-phone")
    marketer.goto("/admin/statistics/?period=30d&group_by=day")
    assert overflow(marketer) <= 0
    screenshot(marketer, "statistics-phone")

    marketer.set_viewport_size(WIDE)
    marketer.emulate_media(color_scheme="dark")
    marketer.goto("/admin/?period=30d")
    expect(marketer.locator("html")).to_have_class(re.compile("dark"))
    assert has_drawn(marketer, "users")
    screenshot(marketer, "dashboard-dark")
    marketer.goto("/admin/statistics/?period=30d&group_by=ad")
    screenshot(marketer, "statistics-dark")


def test_way_down_from_the_dashboard_to_the_record(
    marketer: Page, stack: Stack, month: None, screenshot: Screenshot
) -> None:
    marketer.goto("/admin/?period=7d")
    marketer.click("text=All statistics")
    marketer.click("text=示例广告主")
    expect(marketer.locator(".rm-trail")).to_contain_text("Advertiser 示例广告主")
    marketer.click("th[scope=row] >> text=7340000000000000001")
    marketer.click("th[scope=row] >> text=ad 7350000000000000001")
    expect(marketer.locator(".rm-trail")).to_contain_text("Ad or promotion ad 7350000000000000001")
    screenshot(marketer, "statistics-days")
    marketer.locator("tbody tr:not(.rm-total) th a").first.click()

    expect(marketer).to_have_url(re.compile("/admin/attribution/conversion/"))
    with marketer.expect_download() as download:
        marketer.goto("/admin/statistics/?period=7d&group_by=ad")
        marketer.click("text=Download CSV")
    assert download.value.suggested_filename.startswith("statistics-ad-")


def test_dashboard_speaks_chinese(marketer: Page, stack: Stack, month: None, screenshot: Screenshot) -> None:
    marketer.set_viewport_size(WIDE)
    marketer.goto("/admin/?period=30d")
    marketer.locator("#nav-sidebar-inner button, #nav-sidebar-inner [x-on\\:click]").last.click()
    marketer.get_by_text("简体中文").first.click()

    expect(marketer.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(marketer.locator(".rm-kpi").first).to_contain_text("点击")
    screenshot(marketer, "dashboard-chinese")
    marketer.goto("/admin/statistics/?period=30d")
    expect(marketer.locator(".rm-tools")).to_contain_text("下载 CSV")
    screenshot(marketer, "statistics-chinese")


def test_new_conversion_appears_and_changes_without_reload(marketer: Page, stack: Stack) -> None:
    marketer.goto("/admin/")
    expect(marketer.locator("#live-status")).to_have_attribute("data-state", "open")

    report(stack, "the new one")

    row = marketer.locator(".rm-activity li", has_text="the new one")
    expect(row).to_be_visible(timeout=5_000)
    expect(row.locator(".rm-state")).to_have_text("reported", timeout=10_000)


def test_live_feed_goes_on_after_a_restart_of_redis(
    marketer: Page, stack: Stack, start_web: Callable[..., Server], redis_server: RedisServer
) -> None:
    web = start_web(REDIS_URL=redis_server.url)
    here = Stack(url=web.url, sandbox_url=stack.sandbox_url, key=stack.key)
    marketer.goto(f"{web.url}/admin/")
    expect(marketer.locator("#live-status")).to_have_attribute("data-state", "open")

    redis_server.stop()
    report(here, "while it is away")
    redis_server.start()
    expect(marketer.locator(".rm-activity li", has_text="while it is away")).to_be_visible(timeout=15_000)
    report(here, "afterwards")

    expect(marketer.locator(".rm-activity li", has_text="afterwards")).to_be_visible(timeout=10_000)
    expect(marketer.locator("#live-status")).to_have_attribute("data-state", "open")
