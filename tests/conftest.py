"""What all tests share: real services, and the fixtures used by more than one folder."""

import contextlib
import functools
import time
from collections.abc import Iterator

import django
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests import services

services.start()  # before Django reads its settings, which the imports below make it do
django.setup()

from django.contrib.auth.models import User  # noqa: E402

from tests.redis_server import redis_server  # noqa: E402, F401  # found by its name here
from tests.stack import (  # noqa: E402  # found by their names here
    processes,  # noqa: F401
    sandbox_server,  # noqa: F401
    shared_web,  # noqa: F401
    shared_webs,  # noqa: F401
    stack,  # noqa: F401
    start_web,  # noqa: F401
)

# The folders whose files take longest. At the end of a parallel run, one worker would be left alone with them.
_LONGEST = ("faults", "benchmarks", "browser", "clients")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, each folder in pytest-randomly's order."""
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database. Connections left by a killed process or a thread are ended, or it could not be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# Tables that migrations fill, the same for every test.
_KEPT_TABLES = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
_EMPTY_WITHIN_S = 30


@pytest.fixture
def _django_db_helper(request: pytest.FixtureRequest) -> None:
    """Overrides the fixture through which every access to a database in pytest-django goes.

    Its transactional tests end with Django's flush: following tests lack the migrations' groups, and all permissions
    are created again, at ten times the cost of `transactional_db` below.
    """
    marker = request.node.get_closest_marker("django_db")
    is_transactional = "transactional_db" in request.fixturenames or (marker and marker.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if is_transactional else "_django_db_helper")


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database in which other processes see what the test writes; emptied after it."""
    with django_db_blocker.unblock():
        yield
        _empty_tables()
        connection.close()


def _empty_tables() -> None:
    """Delete all rows until there are none: a process of an earlier test may still be writing one.

    Not TRUNCATE, which makes a new file for each table and index: 150 ms instead of 3. Each try waits for locks for
    less than PostgreSQL's deadlock_timeout, a second: a deadlock could end the other process' transaction.
    """
    give_up_at = time.monotonic() + _EMPTY_WITHIN_S
    while filled := _filled_tables():
        assert time.monotonic() < give_up_at, filled
        with contextlib.suppress(OperationalError), transaction.atomic(), connection.cursor() as cursor:
            # In the role of a replica, so without the triggers that check foreign keys.
            cursor.execute("SET LOCAL lock_timeout = '500ms'; SET LOCAL session_replication_role = replica")
            cursor.execute(";".join(f"DELETE FROM {_quoted(table)}" for table in filled))  # noqa: S608  # our tables


def _filled_tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_find_filled_tables())
        return [table for (table,) in cursor.fetchall()]


@functools.cache
def _find_filled_tables() -> str:
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {_quoted(table)})"  # noqa: S608  # our tables
        for table in sorted(tables - _KEPT_TABLES)
    )


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


@pytest.fixture
def admin_user(db: None) -> User:
    """pytest-django's has a password, whose slow hash costs a quarter of a second of CPU in every test."""
    return User.objects.create_superuser("admin")


@pytest.fixture(autouse=True)
def _language_of_the_settings() -> Iterator[None]:
    """Each test begins in English: Django leaves a thread in the language of the last request."""
    yield
    translation.deactivate()
