"""The groups created by migrations, and what their members see of the admin."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from os import environ
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from foundation.access.models import ApiKey
from tests.servers import ROOT

_MADE = import_module("foundation.access.migrations.0002_groups")
_ALERTS = import_module("foundation.alerts.migrations.0002_groups")
_COSTS = import_module("attribution.migrations.0021_groups_see_costs")
_DEBUGGING = import_module("attribution.migrations.0036_groups_edit_test_devices")
MARKETERS = [*_MADE.MARKETERS, *_ALERTS.MARKETERS, *_COSTS.MARKETERS, *_DEBUGGING.MARKETERS]
OPERATORS = [*_MADE.OPERATORS, *_ALERTS.OPERATORS, *_COSTS.OPERATORS, *_DEBUGGING.OPERATORS]
LOOKED_AT = [
    "alerts/channel",
    "alerts/incident",
    "alerts/notice",
    "alerts/rule",
    "attribution/adcost",
    "attribution/costaccount",
    "attribution/costimport",
    "attribution/app",
    "attribution/attribution",
    "attribution/click",
    "attribution/conversion",
    "attribution/destination",
    "streaming/completion",
    "streaming/usagehour",
]
LOOKED_AT_BY_OPERATORS = ["attribution/authorisation"]
OPERATED = ["access/apikey", "streaming/chatmodel", "streaming/provider"]
EVERYTHING = [*LOOKED_AT, *LOOKED_AT_BY_OPERATORS, *OPERATED, "auth/user", "auth/group"]


def member(group: str) -> Client:
    user = User.objects.create(username=group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(user)
    return browser


def opened(browser: Client, pages: list[str]) -> list[str]:
    return [page for page in pages if browser.get(f"/admin/{page}/").status_code == 200]


@pytest.mark.django_db
def test_marketers_look_and_edit_nothing() -> None:
    browser = member("Marketers")

    assert opened(browser, EVERYTHING) == LOOKED_AT
    assert [page for page in EVERYTHING if browser.get(f"/admin/{page}/add/").status_code == 200] == []


@pytest.mark.django_db
def test_operators_also_keep_apps_models_and_keys() -> None:
    browser = member("Operators")

    assert opened(browser, EVERYTHING) == [*LOOKED_AT, *LOOKED_AT_BY_OPERATORS, *OPERATED]
    assert [page for page in EVERYTHING if browser.get(f"/admin/{page}/add/").status_code == 200] == [
        "alerts/channel",
        "attribution/app",
        *OPERATED,
    ]


@pytest.mark.django_db
def test_marketers_may_resend_and_export() -> None:
    user = User.objects.create(username="m")
    user.groups.add(Group.objects.get(name="Marketers"))

    assert user.has_perms(["attribution.resend_conversion", "attribution.export_conversion"])
    assert not user.has_perm("streaming.test_route")


@pytest.mark.django_db
def test_whole_device_ids_and_texts_are_given_singly() -> None:
    in_groups = Permission.objects.filter(group__isnull=False)

    assert not in_groups.filter(codename__in=["unmask_device", "read_text"]).exists()


@pytest.mark.django_db
def test_permissions_are_those_that_django_makes() -> None:
    """A permission created under another name would be listed beside Django's own."""
    given = Permission.objects.filter(group__name="Operators").select_related("content_type")

    names = {f"{row.content_type.app_label}.{row.content_type.model}.{row.codename}": row.name for row in given}
    assert set(names) == {*MARKETERS, *OPERATORS}
    assert names["attribution.conversion.view_conversion"] == "Can view send record"
    assert names["attribution.conversion.resend_conversion"] == "Can resend, hold and release send records"
    assert Permission.objects.count() == Permission.objects.values("content_type", "codename").distinct().count()


@pytest.fixture
def empty_database(django_db_setup: None) -> Iterator[str]:
    """The URL of a new database."""
    server = environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS test_groups WITH (FORCE)")
        connection.execute("CREATE DATABASE test_groups")
        yield urlsplit(server)._replace(path="/test_groups").geturl()
        connection.execute("DROP DATABASE test_groups WITH (FORCE)")


def migrate(database_url: str, *arguments: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *arguments]
    subprocess.run(command, cwd=ROOT, env=environ | {"DATABASE_URL": database_url}, check=True)


def test_groups_can_be_made_undone_and_made_again(empty_database: str) -> None:
    def groups() -> list[tuple[str, int]]:
        with psycopg.connect(empty_database) as connection:
            return connection.execute(
                "SELECT name, count(*) FROM auth_group g JOIN auth_group_permissions p ON p.group_id = g.id"
                " GROUP BY name ORDER BY name"
            ).fetchall()

    migrate(empty_database)
    at_first = groups()
    migrate(empty_database, "access", "0001")
    undone = groups()
    migrate(empty_database)

    expected = [("Marketers", len(set(MARKETERS))), ("Operators", len(set(OPERATORS)))]
    assert (at_first, undone, groups()) == (expected, [], expected)


@pytest.mark.django_db
def test_operator_issues_a_key(client: Client) -> None:
    browser = member("Operators")

    page = browser.post("/admin/access/apikey/add/", {"caller": "our-backend", "is_throttled": "on"}, follow=True)

    key = ApiKey.objects.select_related("user").get()
    assert key.user.username == "our-backend"
    assert key.token_key in page.content.decode()
