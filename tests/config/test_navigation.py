"""The sidebar: everything in it opens, for who may see it."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client


def _shown(browser: Client) -> list[str]:
    groups: Any = browser.get("/admin/").context["sidebar_navigation"]
    return [str(item["link"]) for group in groups for item in group["items"] if item["has_permission"]]


def test_every_page_of_the_sidebar_opens(admin_client: Client) -> None:
    pages = _shown(admin_client)

    assert len(pages) > 10
    assert {page: admin_client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


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
    ]
