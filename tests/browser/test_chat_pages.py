"""The operator's pages of chats: usage and cost, the test of a route, a new key."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from streaming.models import ChatModel, Provider, Route, UsageHour
from tests.stack import Stack

Screenshot = Callable[[Page, str], None]


@pytest.fixture
def month(stack: Stack) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    for ago in range(30):
        for number, model in enumerate(("doubao", "deepseek")):
            UsageHour.objects.create(
                hour=noon - timedelta(days=ago),
                chat_model=model,
                provider="ark",
                completions=400 + 13 * ago,
                completed=380 + 13 * ago,
                prompt_tokens=900_000 + 31_000 * (ago % 7),
                cached_tokens=200_000,
                completion_tokens=240_000 + 17_000 * number,
                reasoning_tokens=30_000,
                cost_cny=Decimal(3 + ago % 7) / (number + 2),
                unpriced=0,
            )


def test_usage_is_drawn_and_leads_to_the_rows(month: None, signed_in: Page, screenshot: Screenshot) -> None:
    page = signed_in
    page.goto("/admin/streaming/usagehour/")

    expect(page.locator("canvas.chart")).to_have_count(2)
    page.wait_for_timeout(500)  # the charts are drawn
    screenshot(page, "usage")
    page.get_by_role("row", name="doubao").first.get_by_role("link").click()

    assert "model=doubao" in page.url


def test_route_is_tested_by_a_click(stack: Stack, signed_in: Page, screenshot: Screenshot) -> None:
    provider = Provider.objects.create(
        slug="sandbox", base_url=f"{stack.sandbox_url}/api/v3", api_key_env="ARK_API_KEY", dialect="ark"
    )
    model = ChatModel.objects.create(name="tested")
    route = Route.objects.create(
        chat_model=model, provider=provider, upstream_model="doubao-1-5-pro-32k-250115", prompt_price=1,
        completion_price=2,
    )  # fmt: skip
    page = signed_in
    page.goto(f"/admin/streaming/route/{route.pk}/change/")
    screenshot(page, "route")

    page.get_by_role("button", name="Test this route").click()

    expect(page.get_by_role("status")).to_have_text("The route works.")
    screenshot(page, "route-tested")


def test_key_is_shown_once(signed_in: Page, screenshot: Screenshot) -> None:
    page = signed_in
    page.goto("/admin/access/apikey/add/")
    page.fill("#id_caller", "our-backend")

    page.get_by_role("button", name="Save", exact=True).click()
    secret = page.locator("#secret").inner_text()
    screenshot(page, "key")
    page.get_by_role("link", name="All API keys").click()
    expect(page.locator("#result_list")).to_contain_text("our-backend")

    assert secret.startswith("rm_")
    assert secret not in page.content()
