"""A key knows its app by slug: chosen in the admin, looked up once, kept by the migrations, followed when renamed."""

import subprocess
import sys
from collections.abc import Iterator
from os import environ
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db.models import ProtectedError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from attribution.models import App
from foundation.access import authentication, tokens
from foundation.access.models import ApiKey
from tests.servers import ROOT

ADD = "/admin/access/apikey/add/"


@pytest.mark.django_db
def test_app_of_a_key_is_looked_up_together_with_the_key(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    app = App.objects.create(slug="demo")
    key = ApiKey.objects.issue(caller="backend", app_slug="demo")

    with django_assert_num_queries(2):  # the key, the id of its app
        credentials = [authentication.look_up(key) for _request in range(3)]
    with django_assert_num_queries(0):
        remembered = authentication.without_query(key)

    assert {found.app_id if found else None for found in (*credentials, remembered)} == {app.pk}


@pytest.mark.django_db
def test_app_is_chosen_among_those_that_there_are(admin_client: Client) -> None:
    App.objects.create(slug="demo")
    App.objects.create(slug="another")

    form = admin_client.get(ADD).content.decode()
    admin_client.post(ADD, {"caller": "backend", "app_slug": "demo", "is_throttled": "on"})
    refused = admin_client.post(ADD, {"caller": "backend", "app_slug": "none", "is_throttled": "on"})
    listed = admin_client.get("/admin/access/apikey/?app_slug=demo").content.decode()

    assert form.index('value="another"') < form.index('value="demo"')
    assert "Select a valid choice" in refused.content.decode()
    [key] = ApiKey.objects.all()
    assert (key.app_slug, key.token_key in listed) == ("demo", True)


@pytest.mark.django_db
def test_key_follows_its_app_to_a_new_slug() -> None:
    app = App.objects.create(slug="demo")
    ApiKey.objects.issue(caller="backend", app_slug="demo")
    ApiKey.objects.issue(caller="backend", app_slug="another")

    app.slug = "renamed"
    app.save()

    keys = ApiKey.objects.order_by("pk")
    assert [key.app_slug for key in keys] == ["renamed", "another"]
    assert keys[0].credential.app_id == app.pk


@pytest.mark.django_db
def test_app_that_a_key_names_can_not_be_deleted(admin_client: Client) -> None:
    app = App.objects.create(slug="demo")
    ApiKey.objects.issue(caller="backend", app_slug="demo")

    page = admin_client.post(f"/admin/attribution/app/{app.pk}/delete/", {"post": "yes"})

    assert page.status_code == 403
    with pytest.raises(ProtectedError, match="API keys use the app 'demo'"):
        app.delete()
    assert App.objects.exists()


@pytest.mark.django_db
def test_key_whose_app_has_gone_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """If it were served without an app, it would see the rows of all apps."""
    App.objects.create(slug="demo")
    key = ApiKey.objects.issue(caller="backend", app_slug="demo")
    App.objects.filter(slug="demo").delete()  # by hand, past the model

    assert authentication.look_up(key) is None

    assert "is refused: No app 'demo' (known: none yet)" in caplog.text


def test_token_of_before_keeps_its_app() -> None:
    """Tokens carry the app's id, as they did while keys had a foreign key."""
    credential = tokens._of_ours(
        {"key": "rm_1", "caller": 7, "app": 3, "sub": "u-1", "throttled": True, "models": ["doubao"]}
    )

    assert (credential.app_id, credential.owner) == (3, "user:7:3:u-1")


@pytest.fixture
def empty_database(django_db_setup: None) -> Iterator[str]:
    """The URL of a new database."""
    server = environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS test_apps_of_keys WITH (FORCE)")
        connection.execute("CREATE DATABASE test_apps_of_keys")
        yield urlsplit(server)._replace(path="/test_apps_of_keys").geturl()
        connection.execute("DROP DATABASE test_apps_of_keys WITH (FORCE)")


def test_keys_keep_their_app_through_the_migrations_and_back(empty_database: str) -> None:
    def migrate(*arguments: str) -> None:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *arguments]
        subprocess.run(command, cwd=ROOT, env=environ | {"DATABASE_URL": empty_database}, check=True)

    def rows(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(empty_database) as connection:
            return connection.execute(statement).fetchall()

    migrate("attribution", "0001")
    migrate("access", "0004")
    [(app_id,)] = rows(
        "INSERT INTO attribution_app (slug, android_package, ios_bundle, monitor_token, is_reporting,"
        " click_window_days, event_window_days, matches_by_network, derives_next_day_open, key_behaviour_event,"
        " key_behaviour_count, key_behaviour_hours, created_at)"
        " VALUES ('demo', '', '', 't', true, 7, 90, false, false, '', 1, 24, now()) RETURNING id"
    )
    rows(
        "WITH caller AS (INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,"
        " is_staff, is_active, date_joined) VALUES ('', false, 'backend', '', '', '', false, true, now()) RETURNING id)"
        " INSERT INTO access_apikey (digest, token_key, created, is_throttled, allowed_models, app_id, user_id)"
        " SELECT key, key, now(), true, '{}', app, caller.id FROM caller, (VALUES"
        " ('of-an-app', (SELECT id FROM attribution_app)), ('of-none', NULL)) AS given (key, app) RETURNING id"
    )

    migrate("access")
    named = rows("SELECT token_key, app_slug FROM access_apikey ORDER BY token_key")
    migrate("access", "0004")
    pointing = rows("SELECT token_key, app_id FROM access_apikey ORDER BY token_key")

    assert named == [("of-an-app", "demo"), ("of-none", "")]
    assert pointing == [("of-an-app", app_id), ("of-none", None)]
