"""What every test has: real services, and the fixtures that more than one folder uses."""

from collections.abc import Iterator

import django
import pytest
from django.db import connection
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests import services

services.start()  # before Django reads its settings, which the imports below make it do
django.setup()

from tests.redis_server import redis_server  # noqa: E402, F401  # found by its name here
from tests.stack import processes, sandbox_server, stack, start_web  # noqa: E402, F401  # found by their names here


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database. What a killed process or a thread left connected would keep it from being dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _language_of_the_settings() -> Iterator[None]:
    """Each test begins in English: Django leaves a thread in the language of the last request."""
    yield
    translation.deactivate()
