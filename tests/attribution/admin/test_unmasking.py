"""Showing whole device ids: who may, how, and what record remains of it."""

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from attribution.models import Conversion
from tests.attribution.conftest import ANDROID_ID, Pipeline


@pytest.fixture
def officer(db: None) -> User:
    user = User.objects.create(username="officer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_conversion", "unmask_device"]))
    return user


@pytest.fixture
def browser(officer: User) -> Client:
    browser = Client()
    browser.force_login(officer)
    return browser


@pytest.fixture
def conversion(pipeline: Pipeline) -> Conversion:
    return pipeline.report()


def address(conversion: Conversion) -> str:
    return f"/admin/attribution/conversion/{conversion.pk}/unmask/"


def test_button_shows_the_ids_and_leaves_an_entry(
    browser: Client, officer: User, conversion: Conversion, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    record = browser.get(f"/admin/attribution/conversion/{conversion.pk}/change/").content.decode()

    answer = browser.post(address(conversion))

    assert f'action="{address(conversion)}"' in record
    assert ANDROID_ID not in record
    assert answer.status_code == 200
    assert ANDROID_ID in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, str(entry)) == (
        officer,
        str(conversion.pk),
        f"Changed “{conversion}” — Looked at the device ids.",
    )
    assert ANDROID_ID not in entry.object_repr + entry.change_message + caplog.text


def test_entry_stands_in_the_records_history(browser: Client, conversion: Conversion) -> None:
    browser.post(address(conversion))

    address_of_history = f"/admin/attribution/conversion/{conversion.pk}/history/"
    history = browser.get(address_of_history).content.decode()
    in_chinese = browser.get(address_of_history, headers={"Accept-Language": "zh-hans"}).content.decode()

    assert "Looked at the device ids." in history
    assert ("查看了设备标识。" in in_chinese, "Looked" in in_chinese) == (True, False)
    assert "officer" in history
    assert ANDROID_ID not in history


@pytest.mark.parametrize("missing", ["unmask_device", "view_conversion"])
def test_without_both_permissions_nothing_is_shown(
    browser: Client, officer: User, conversion: Conversion, missing: str
) -> None:
    officer.user_permissions.remove(Permission.objects.get(codename=missing))

    answer = browser.post(address(conversion))

    assert answer.status_code == 403
    assert ANDROID_ID not in answer.content.decode()
    assert LogEntry.objects.count() == 0


def test_button_is_there_only_with_the_permission(browser: Client, officer: User, conversion: Conversion) -> None:
    officer.user_permissions.remove(Permission.objects.get(codename="unmask_device"))

    record = browser.get(f"/admin/attribution/conversion/{conversion.pk}/change/").content.decode()

    assert "unmask" not in record


def test_a_link_shows_nothing(browser: Client, conversion: Conversion) -> None:
    assert browser.get(address(conversion)).status_code == 405
    assert LogEntry.objects.count() == 0


def test_a_foreign_page_can_not_ask(officer: User, conversion: Conversion) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(officer)

    assert strict.post(address(conversion)).status_code == 403
    assert LogEntry.objects.count() == 0


def test_erased_ids_are_said_to_be_gone(browser: Client, conversion: Conversion) -> None:
    Conversion.objects.update(device="")

    page = browser.post(address(conversion)).content.decode()

    assert "The app sent none, or they have been erased." in page
