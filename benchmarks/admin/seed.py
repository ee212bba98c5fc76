"""Fills the empty database of the settings: `python -m benchmarks.admin.seed [--scale 0.1]`.

The database makes the rows itself, a day at a time and in the order of time, as they would have come in (`rows`). It is
done in one transaction, without triggers, and with the indexes built at the end; the statistics are summed afterwards,
as after any other change.
"""

import argparse
import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import django
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from benchmarks.admin import rows
from sandbox.launcher import progress

# Within the clicks' retention, so that all days are summed.
DAYS = 87
# Only conversions younger than this have attempts. With all of them it would be 10 GB more, read by no other page.
ATTEMPT_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The approximate number of rows in each table."""

    conversions: int
    clicks: int
    completions: int

    def scaled(self, scale: float) -> "Sizes":
        return Sizes(
            conversions=int(self.conversions * scale),
            clicks=int(self.clicks * scale),
            completions=int(self.completions * scale),
        )


FULL = Sizes(conversions=10_000_000, clicks=30_000_000, completions=10_000_000)


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    fill(FULL.scaled(arguments.scale), days=arguments.days, now=timezone.now())


def fill(sizes: Sizes, *, days: int, now: datetime) -> None:
    """Up to `now`. Raises: ValueError if there are rows already."""
    tables = _tables()
    for model in tables:
        if model._default_manager.exists():
            raise ValueError(f"{model._meta.db_table} is not empty: give it a database of its own")
    with transaction.atomic(), connection.cursor() as cursor:
        # Without triggers, which would write as many notes as there are rows.
        cursor.execute("SET LOCAL session_replication_role = replica")
        # With `wal_level` minimal, PostgreSQL writes to tables created in the same transaction without a log.
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in tables)} CASCADE")
        with _without_indexes(cursor, tables):
            _add_rows(sizes, days, now)
    _sum_up(days, now, tables)


def _tables() -> list[type[models.Model]]:
    from attribution.models import Attempt, Attribution, Click, Conversion  # noqa: PLC0415  # needs Django's settings
    from streaming.models import Completion  # noqa: PLC0415

    return [Click, Attribution, Conversion, Attempt, Completion]


def _add_rows(sizes: Sizes, days: int, now: datetime) -> None:
    click, attribution, conversion, attempt, completion = _tables()
    texts = _texts()
    users_per_day = max(10, int(sizes.conversions / days / rows.EVENTS_PER_USER))
    for n in progress.steps(range(days), "days of clicks, events and chats"):
        day = {"n": n, "first": 1, "start": now - timedelta(days=days - n), "end": now, **texts}
        _run(_insert(click, rows.DAYS_ROWS, rows.CLICKS), day | {"per_day": max(1, sizes.clicks // days)})
        of_users = day | {"per_day": users_per_day}
        _run(_insert(attribution, rows.DAYS_ROWS, rows.USERS), of_users)
        events = _insert(conversion, rows.DEEDS_ROWS, rows.CONVERSIONS)
        if n >= days - ATTEMPT_DAYS:
            events = f"""
                WITH made AS ({events} RETURNING id AS conversion_id, event, state, received_at)
                {_insert(attempt, rows.ATTEMPTS_ROWS, rows.ATTEMPTS)}
            """
        _run(events, of_users)
        chats = max(1, sizes.completions // days)
        _run(_insert(completion, rows.DAYS_ROWS, rows.COMPLETIONS), day | {"per_day": chats})
    for model in (click, attribution):
        _advance_ids(model)


def _texts() -> dict[str, Any]:
    """What all rows share: the app, the caller, and encrypted texts of the usual length."""
    from django.contrib.auth.models import User  # noqa: PLC0415  # Django is set up first

    from attribution.devices import device_ids  # noqa: PLC0415
    from attribution.models import App  # noqa: PLC0415

    return {
        "app_id": App.objects.create(slug="seeded", android_package="com.example.seeded").pk,
        "caller_id": User.objects.create(username="seeded").pk,
        "raw": device_ids.encrypt("k=v&" * 75),
        "body": device_ids.encrypt(json.dumps({"event_type": "active", "context": "c" * 380})),
        "device": device_ids.encrypt(json.dumps({"android_id": "5f8c1e0b7a92d346", "user_agent": "u" * 130})),
    }


def _sum_up(days: int, now: datetime, tables: Sequence[type[models.Model]]) -> None:
    from attribution.models import App  # noqa: PLC0415
    from attribution.models.roll_ups import Change, ClickDay, EventDay, StateDay, UserDay  # noqa: PLC0415
    from attribution.statistics import summing  # noqa: PLC0415  # Django is set up first
    from streaming.models import UsageHour, UsageNote  # noqa: PLC0415
    from streaming.usage import hours  # noqa: PLC0415

    _vacuum(tables)
    app = App.objects.get(slug="seeded")
    # Oldest first: earlier payers are then known, and no day must be summed twice.
    for n in progress.steps(range(days, -1, -1), "days summed"):
        Change.objects.create(app_id=app.pk, happened_at=now - timedelta(days=n))
        summing.catch_up(now)
        UsageNote.take(now - timedelta(days=n, hours=hours) for hours in range(24))
        hours.sum_noted_hours(now)
    _vacuum([ClickDay, EventDay, StateDay, UserDay, UsageHour])


def _vacuum(tables: Sequence[type[models.Model]]) -> None:
    with connection.cursor() as cursor:
        for model in progress.steps(tables, "tables analysed"):
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")


@contextlib.contextmanager
def _without_indexes(cursor: CursorWrapper, tables: Sequence[type[models.Model]]) -> Iterator[None]:
    """Built at the end, indexes take minutes; row by row, hours. Those that foreign keys need stay."""
    cursor.execute(
        "SELECT indrelid::regclass::text, indexrelid::regclass::text, conname, "
        "COALESCE(pg_get_constraintdef(con.oid), pg_get_indexdef(indexrelid)) "
        "FROM pg_index LEFT JOIN pg_constraint AS con ON conindid = indexrelid AND contype <> 'f' "
        "WHERE indrelid::regclass::text = ANY(%s) "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype = 'f')",
        [[model._meta.db_table for model in tables]],
    )
    found = cursor.fetchall()
    for table, index, constraint, _definition in found:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {index}")
    yield
    cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
    for table, _index, constraint, definition in progress.steps(found, "indexes built"):
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}" if constraint else definition)


def _insert(model: type[models.Model], source: str, columns: Mapping[str, str]) -> str:
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(
        f"({columns.get(str(field.column)) or _empty(field)})::{field.rel_db_type(connection)}" for field in fields
    )
    return f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM ({source}) AS given"  # noqa: S608


def _run(statement: str, parameters: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _empty(field: "models.Field[Any, Any]") -> str:
    if field.null:
        return "NULL"
    kinds = {"JSONField": "'{}'", "ArrayField": "'{}'", "BooleanField": "false", "CharField": "''", "TextField": "''"}
    return kinds.get(field.get_internal_type(), "0")


def _advance_ids(model: type[models.Model]) -> None:
    table = model._meta.db_table
    _run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}", {})  # noqa: S608  # ours


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin.seed", description="Fill an empty database.")
    parser.add_argument("--scale", type=float, default=1.0, help="1: 10 M conversions, 30 M clicks, 10 M chats")
    parser.add_argument("--days", type=int, default=DAYS, help="up to now")
    return parser.parse_args()


if __name__ == "__main__":
    main()
