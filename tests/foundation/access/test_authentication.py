from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from foundation.access.models import ApiKey

pytestmark = pytest.mark.django_db
# An endpoint that needs only a caller.
PATH = "/v1/models"


@pytest.fixture
def key() -> str:
    return ApiKey.objects.issue(caller="backend")


def status_with(authorization: str) -> int:
    return (
        APIClient(HTTP_AUTHORIZATION=authorization).get("/api/events/00000000-0000-7000-8000-000000000000/").status_code
    )


def test_caller_without_a_key_is_refused() -> None:
    answer = APIClient().get("/api/events/00000000-0000-7000-8000-000000000000/")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization", ["Bearer rm_none", "Bearer ", "Bearer a b", "Bearer \xff", "Basic eDp5", "rm_none"]
)
def test_wrong_key_is_refused(authorization: str) -> None:
    assert status_with(authorization) == 401


def test_key_is_accepted(key: str) -> None:
    assert status_with(f"Bearer {key}") == 404
    assert status_with(f"bearer  {key} ") == 404


def test_part_of_a_key_is_refused(key: str) -> None:
    assert status_with(f"Bearer {key[:-1]}") == 401


def test_expired_key_is_refused_and_kept(key: str) -> None:
    ApiKey.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    assert status_with(f"Bearer {key}") == 401
    assert ApiKey.objects.exists()


def test_key_of_an_inactive_caller_is_refused(key: str) -> None:
    User.objects.update(is_active=False)

    assert status_with(f"Bearer {key}") == 401


def test_revoked_key_is_refused_when_the_memory_has_passed(key: str, settings: Settings) -> None:
    settings.API_KEY_CACHE_S = 0
    assert status_with(f"Bearer {key}") == 404

    ApiKey.objects.all().delete()

    assert status_with(f"Bearer {key}") == 401


def test_key_is_looked_up_once_in_a_while(key: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(3):  # the key once, the event twice
        status_with(f"Bearer {key}")
        status_with(f"Bearer {key}")
