"""Signing in to the admin; the other tests start with a session."""

from django.contrib.auth.models import User
from playwright.sync_api import Page

from tests.browser.conftest import PASSWORD


def test_form_leads_to_the_dashboard(page: Page, administrator: User) -> None:
    page.goto("/admin/login/?next=/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)

    page.keyboard.press("Enter")

    page.wait_for_url("/")
    assert "log in" not in page.title().lower()
    assert page.get_by_role("heading").count() > 0
