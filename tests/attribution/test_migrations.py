"""Data that migrations move: from the old state to the new one, and back."""

import subprocess
import sys
from collections.abc import Iterator
from os import environ
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
# A click and a user of each structure, and one user without an ad.
OLD_ROWS = """
    INSERT INTO attribution_app (id, slug, android_package, ios_bundle, monitor_token, is_reporting, click_window_days,
        event_window_days, matches_by_network, derives_next_day_open, key_behaviour_event, key_behaviour_count,
        key_behaviour_hours, created_at)
    VALUES (1, 'demo', '', '', 't', true, 7, 90, false, false, '', 1, 24, now());

    INSERT INTO attribution_click (app_id, request_id, track_id, clicked_at, received_at, os, device_model,
        caid_digests, callback_param, callback_url, material, oddities, raw, advertiser_id, project_id, project_name,
        promotion_id, promotion_name, campaign_id, campaign_name, aid, aid_name, cid, cid_name)
    VALUES
    (1, 'new', '', '2026-11-23', '2026-11-23', '', '', '{}', 'cb', '', '{}', '{}', '',
        7, 1, 'project', 2, 'promotion', 0, '', 4, 'old ad', 0, ''),
    (1, 'old', '', '2026-11-23', '2026-11-23', '', '', '{}', 'cb', '', '{}', '{}', '',
        7, NULL, '', 0, '', 3, 'campaign', 4, 'ad', 5, 'creative'),
    (1, 'none', '', '2026-11-23', '2026-11-23', '', '', '{}', 'cb', '', '{}', '{}', '',
        NULL, NULL, '', NULL, '', NULL, '', NULL, '', NULL, '');

    INSERT INTO attribution_attribution (app_id, user_id, is_attributed, source, reason, detail, callback_param,
        activated_at, is_suspicious, asked_at, advertiser_id, project_id, project_name, promotion_id, promotion_name,
        campaign_id, campaign_name, aid, aid_name, cid, cid_name)
    VALUES
    (1, 'new', true, 'platform', 'platform', '', 'cb', now(), false, now(),
        7, 1, 'project', 2, 'promotion', NULL, '', NULL, '', NULL, ''),
    (1, 'organic', false, '', 'no_click', '', '', now(), false, now(),
        NULL, NULL, '', NULL, '', NULL, '', NULL, '', NULL, '');

    INSERT INTO attribution_destination (key, name, is_enabled, failures, openings, last_error)
    VALUES ('attribution', '', true, 0, 0, ''), ('7', 'Mine', true, 0, 0, '');
    INSERT INTO attribution_adname (level, platform_id, name, seen_day) VALUES ('ad', 2, 'promotion', '2026-11-23');
    INSERT INTO attribution_clickday (day, app_id, is_organic, advertiser_id, campaign_id, ad_id, clicks)
    VALUES ('2026-11-23', 1, false, 7, 1, 2, 1);
    INSERT INTO attribution_userday (day, app_id, is_organic, advertiser_id, campaign_id, ad_id, user_key, channel,
        activation_channel, payments, amount_fen, next_day_opens)
    VALUES ('2026-11-23', 1, true, 0, 0, 0, 1, '', '', 1, 100, 0);
    INSERT INTO attribution_payerday (day, app_id, is_organic, advertiser_id, campaign_id, ad_id, paid_before, users)
    VALUES ('2026-11-23', 1, true, 0, 0, 0, '0001-01-01', 1), ('2026-11-23', 1, false, 7, 1, 2, '0001-01-01', 1);
"""
OLD_COLUMNS = (
    "advertiser_id, project_id, project_name, promotion_id, promotion_name, campaign_id, campaign_name, aid, aid_name, "
    "cid, cid_name"
)
NEW_COLUMNS = (
    "platform, advertiser_id, campaign_id, campaign_name, ad_id, ad_name, creative_id, creative_name, platform_ad"
)


@pytest.fixture(scope="module")
def database(django_db_setup: None) -> Iterator[str]:
    """The URL of a new database."""
    server = environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS test_migrations WITH (FORCE)")
        connection.execute("CREATE DATABASE test_migrations")
        yield urlsplit(server)._replace(path="/test_migrations").geturl()
        connection.execute("DROP DATABASE test_migrations WITH (FORCE)")


def migrate(database: str, target: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "attribution", target]
    subprocess.run(command, cwd=ROOT, env=environ | {"DATABASE_URL": database}, check=True)


def rows(database: str, columns: str, table: str, order: str = "id") -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM {table} ORDER BY {order}"  # noqa: S608  # names of this module
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_ads_get_one_form_and_a_platform_and_back(database: str) -> None:
    migrate(database, "0021")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(OLD_ROWS)
        connection.execute("DELETE FROM attribution_change")

    migrate(database, "0025")
    clicks = rows(database, f"request_id, {NEW_COLUMNS}", "attribution_click")
    users = rows(database, f"user_id, {NEW_COLUMNS}", "attribution_attribution")
    others = {
        table: rows(database, columns, f"attribution_{table}", columns)
        for table, columns in {
            "destination": "platform, key, name",
            "adname": "platform, level, platform_id, name",
            "clickday": "platform, is_organic, ad_id, clicks",
            "userday": "platform, is_organic, user_key",
            "payerday": "platform, is_organic, ad_id, users",
            "change": "app_id, user_id",
        }.items()
    }

    project = {"project_id": 1, "project_name": "project", "promotion_id": 2, "promotion_name": "promotion"}
    old = {
        "campaign_id": 3, "campaign_name": "campaign", "aid": 4, "aid_name": "ad", "cid": 5, "cid_name": "creative",
    }  # fmt: skip
    assert clicks == [
        ("new", "oceanengine", 7, 1, "project", 2, "promotion", None, "", {**project, "aid": 4, "aid_name": "old ad"}),
        ("old", "oceanengine", 7, 3, "campaign", 4, "ad", 5, "creative", old),
        ("none", "oceanengine", None, None, "", None, "", None, "", {}),
    ]
    assert users == [
        ("new", "oceanengine", 7, 1, "project", 2, "promotion", None, "", project),
        ("organic", "", None, None, "", None, "", None, "", {}),
    ]
    assert others == {
        "destination": [("oceanengine", "7", "Mine"), ("oceanengine", "attribution", "")],
        "adname": [("oceanengine", "ad", 2, "promotion")],
        "clickday": [("oceanengine", False, 2, 1)],
        "userday": [("", True, 1)],
        "payerday": [("", True, 0, 1), ("oceanengine", False, 2, 1)],
        "change": [],
    }

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE attribution_attribution SET ad_id = 9 WHERE user_id = 'new'")
        connection.execute("UPDATE attribution_attribution SET detail = 'x'")
    assert rows(database, "user_id", "attribution_change") == [("new",)]

    migrate(database, "0021")
    assert rows(database, OLD_COLUMNS, "attribution_click") == [
        (7, 1, "project", 2, "promotion", None, "", 4, "old ad", None, ""),
        (7, None, "", None, "", 3, "campaign", 4, "ad", 5, "creative"),
        (None, None, "", None, "", None, "", None, "", None, ""),
    ]
    migrate(database, "0025")
    assert rows(database, f"request_id, {NEW_COLUMNS}", "attribution_click") == clicks
    indexes = dict(rows(database, "indexname, indexdef", "pg_indexes", "indexname"))
    assert indexes["attribution_by_ad"].endswith("(ad_id, asked_at DESC)")
