"""API keys in the admin: revoked keys stop working, and no key appears in an address."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from foundation.access.models import ApiKey

LIST = "/admin/access/apikey/"


@pytest.fixture
def operator(db: None) -> Client:
    user = User.objects.create(username="operator", is_staff=True)
    user.groups.add(Group.objects.get(name="Operators"))
    browser = Client()
    browser.force_login(user)
    return browser


def issue(caller: str) -> tuple[ApiKey, str]:
    plain = ApiKey.objects.issue(caller=caller)
    return ApiKey.objects.get(user__username=caller), plain


def revoke(browser: Client, *keys: ApiKey) -> str:
    ticked = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    return browser.post(LIST, ticked, follow=True).content.decode()


def answer_to(plain: str) -> int:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {plain}").get("/api/conversations/").status_code


def test_ticked_keys_are_revoked_and_others_go_on(operator: Client) -> None:
    (first, first_plain), (second, second_plain), (other, other_plain) = map(issue, ("one", "two", "three"))

    page = revoke(operator, first, second)

    assert "2 keys are revoked." in page
    assert [answer_to(plain) for plain in (first_plain, second_plain, other_plain)] == [401, 401, 200]
    other.refresh_from_db()
    assert other.expiry is None


def test_key_that_has_ended_keeps_its_end(operator: Client) -> None:
    key, _plain = issue("one")
    ended_at = timezone.now() - timedelta(days=3)
    ApiKey.objects.update(expiry=ended_at)

    page = revoke(operator, key)

    key.refresh_from_db()
    assert "0 keys are revoked." in page
    assert key.expiry == ended_at


def test_who_may_only_look_at_keys_revokes_none(operator: Client) -> None:
    key, plain = issue("one")
    Group.objects.get(name="Operators").permissions.remove(
        *Group.objects.get(name="Operators").permissions.filter(codename="change_apikey")
    )

    page = revoke(operator, key)

    assert "revoked" not in page
    assert answer_to(plain) == 200


def test_no_page_of_a_key_shows_its_digest(operator: Client) -> None:
    key, _plain = issue("one")

    pages = [operator.get(address).content.decode() for address in (LIST, f"{LIST}{key.pk}/change/")]

    assert [key.token_key in page for page in pages] == [True, True]
    assert [key.digest in page for page in pages] == [False, False]
    assert f"{LIST}{key.pk}/change/" in pages[0]


def test_allowed_models_are_a_list_with_commas(operator: Client) -> None:
    key, _plain = issue("one")
    address = f"{LIST}{key.pk}/change/"

    operator.post(address, {"allowed_models": "doubao,deep", "is_throttled": "on"})

    key.refresh_from_db()
    assert key.allowed_models == ["doubao", "deep"]
    assert 'value="doubao,deep"' in operator.get(address).content.decode()
