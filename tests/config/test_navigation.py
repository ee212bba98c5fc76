"""The sidebar: every page in it opens for anyone who may see it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


def _shown(browser: Client) -> list[str]:
    groups: Any = browser.get("/admin/").context["sidebar_navigation"]
    return [str(item["link"]) for group in groups for item in group["items"] if item["has_permission"]]


def test_sign_in_at_the_bare_address_ends_at_the_dashboard(db: None) -> None:
    User.objects.create_superuser("admin", password="a-long-password-1")

    answer = Client().post("/admin/login/", {"username": "admin", "password": "a-long-password-1"})

    assert answer.headers["Location"] == "/admin/"


def test_every_page_of_the_sidebar_opens(admin_client: Client) -> None:
    pages = _shown(admin_client)

    assert len(pages) > 10
    assert {page: admin_client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize(
    ("page", "open_item"),
    [
        ("/admin/", "/admin/"),
        ("/admin/attribution/conversion/?state=failed", "/admin/attribution/conversion/"),
        ("/admin/attribution/conversion/act/resend/", "/admin/attribution/conversion/"),
        ("/admin/attribution/conversion/not-delivered/", "/admin/attribution/conversion/not-delivered/"),
        ("/admin/attribution/bulkaction/", None),
    ],
)
def test_sidebar_marks_the_page_that_is_open_and_no_other(
    admin_client: Client, page: str, open_item: str | None
) -> None:
    groups: Any = admin_client.get(page).context["sidebar_navigation"]

    marked = [str(item["link"]) for group in groups for item in group["items"] if item["active"]]
    assert marked == ([open_item] if open_item else [])


def test_sidebar_has_what_a_person_may_open(db: None) -> None:
    user = User.objects.create(username="marketer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversion"))
    browser = Client()
    browser.force_login(user)

    assert _shown(browser) == [
        "/admin/",
        "/admin/statistics/",
        "/admin/attribution/conversion/",
        "/admin/attribution/conversion/not-delivered/",
        "/admin/attribution/conversion/testing/",
    ]
