"""Ad costs in a real browser: a file is previewed and stored."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import FilePayload, Page, expect

from attribution.models import AdCost


def test_file_is_looked_at_and_stored(signed_in: Page, screenshot: Callable[[Page, str], None]) -> None:
    day = timezone.localdate() - timedelta(days=1)
    lines = ["日期,广告主ID,项目ID,广告ID,消耗(元),展示数,点击数"]
    lines += [f"{day},1768433294857219,7384520193847263251,{7384521730958246963 + n},12.3{n},1000,17" for n in range(3)]
    file = FilePayload(name="消耗.csv", mimeType="text/csv", buffer="\n".join(lines).encode("gbk"))

    signed_in.goto("/admin/attribution/adcost/")
    signed_in.get_by_role("link", name="Upload costs").click()
    screenshot(signed_in, "costs-upload")
    signed_in.set_input_files("#file", files=[file])
    signed_in.select_option("#platform", "oceanengine")
    signed_in.get_by_role("button", name="Look at it").click()
    expect(signed_in.get_by_text("¥36.93")).to_be_visible()
    screenshot(signed_in, "costs-preview")
    assert AdCost.objects.count() == 0
    signed_in.get_by_role("button", name="Store these costs").click()

    expect(signed_in.get_by_text("3 rows of costs are stored.")).to_be_visible()
    screenshot(signed_in, "costs-list")
    assert AdCost.objects.count() == 3
