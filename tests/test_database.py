"""The state in which a test leaves the database for the next one."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import DjangoDbBlocker


@pytest.fixture(scope="module", autouse=True)
def _groups_and_nobody(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Longer than the tests' own fixtures: it looks once all of them have ended."""
    yield
    with django_db_blocker.unblock():
        assert (Group.objects.count(), User.objects.count()) == (2, 0)


@pytest.mark.django_db(transaction=True)
def test_marked_test_leaves_groups_and_no_row() -> None:
    User.objects.create(username="left behind")


def test_transactional_test_leaves_groups_and_no_row(transactional_db: None) -> None:
    User.objects.create(username="left behind")


def test_both_fixtures_leave_groups_and_no_row(db: None, transactional_db: None) -> None:
    User.objects.create(username="left behind")
