"""What people see, in their language, when a page does not exist, is forbidden, or fails."""

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation


@pytest.mark.parametrize(("language", "text"), [("en", "There is no such page."), ("zh-hans", "没有这个页面。")])
def test_missing_page(db: None, language: str, text: str) -> None:
    answer = Client(headers={"Accept-Language": language}).get("/nothing/")

    assert (answer.status_code, text in answer.content.decode()) == (404, True)


def test_page_of_others(db: None) -> None:
    browser = Client(headers={"Accept-Language": "zh-hans"})
    browser.force_login(User.objects.create(username="staff", is_staff=True))

    answer = browser.get("/admin/statistics/")

    assert (answer.status_code, "您无权打开此页面。" in answer.content.decode()) == (403, True)


def test_form_without_its_token(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", headers={"Accept-Language": "zh-hans"})

    assert (answer.status_code, "表单已过期。" in answer.content.decode()) == (403, True)


def test_broken_page_needs_nothing_but_its_template() -> None:
    with translation.override("zh-hans"):
        page = render_to_string("500.html")

    assert "服务器出错了。" in page
    assert 'lang="zh-hans"' in page
