"""Fills the database of the settings, to measure at size: `python -m sandbox.seed --conversions N --clicks N`.

The database makes the rows itself, a day at a time and in the order of time, as they would have come in. They are
those of an app called `seeded` and look like real ones: as long, as many per user, most clicks on few ads, most users
reported or organic. There are no attempts. The statistics are summed at the end, as after any other change.
"""

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import django
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper

# Within the clicks' retention, so that all days are summed.
DAYS = 88
CHANNELS = ["huawei", "xiaomi", "oppo", "vivo", "tencent"]

# What users do: the event, how many days after the activation, one of how many users does it, seconds later that day.
DEEDS = [
    ("active", 0, 1, 0),
    ("active_register", 0, 2, 300),
    ("game_addiction", 0, 10, 3600),
    ("next_day_open", 1, 5, 0),
    ("active_pay", 0, 10, 600),
    ("active_pay", 1, 20, 0),
    ("active_pay", 3, 30, 0),
    ("active_pay", 7, 30, 0),
    ("active_pay", 20, 20, 0),
]
EVENTS_PER_USER = sum(1 / one_of for _event, _days, one_of, _seconds in DEEDS)

# 400 ads; the first ones have most of the clicks and users.
_AD = "floor(400 * power(mod(number * 7919, 10007) / 10007.0, 2))::bigint"
_IS_ATTRIBUTED = "mod(number, 10) < 7"
_AD_COLUMNS = {
    "advertiser_id": f"1700000000000000000 + {_AD} / 20",
    "project_id": f"7340000000000000000 + {_AD} / 5",
    "project_name": f"'Project ' || {_AD} / 5",
    "promotion_id": f"7350000000000000000 + {_AD}",
    "promotion_name": f"'Promotion ' || {_AD}",
}
_DAYS_ROWS = """
    SELECT k, %(first)s::bigint + %(n)s * %(per_day)s + k AS number,
    %(start)s + k * interval '1 day' / %(per_day)s AS moment
    FROM generate_series(0, %(per_day)s - 1) AS k
"""

CLICKS = {
    "id": "number",
    "clicked_at": "moment",
    "received_at": "moment + interval '1 second'",
    "request_id": "md5(number::text)",
    "os": "'android'",
    "oaid_digest": "sha256(number::text::bytea)",
    "ip_ua_digest": "sha256(mod(number, 100000)::text::bytea)",
    "callback_param": "repeat('c', 100)",
    "raw": "%(raw)s",
    **_AD_COLUMNS,
}

USERS = {
    "id": "number",
    "user_id": "'user-' || number",
    "is_attributed": _IS_ATTRIBUTED,
    "source": "'platform'",
    "callback_param": "repeat('c', 100)",
    "activated_at": "moment",
    "asked_at": "moment",
    **_AD_COLUMNS,
}

# The users of the days before come again.
_DEEDS_ROWS = f"""
    SELECT event, one_of, lag, k, %(first)s::bigint + (%(n)s - lag) * %(per_day)s + k AS number,
    %(start)s + k * interval '1 day' / %(per_day)s + seconds * interval '1 second' AS moment
    FROM (VALUES {", ".join(str(deed) for deed in DEEDS)}) AS deeds (event, lag, one_of, seconds),
    LATERAL generate_series(0, %(per_day)s - 1, one_of) AS k
    WHERE lag <= %(n)s
    ORDER BY moment
"""  # noqa: S608  # deeds of ours
CONVERSIONS = {
    "id": "uuidv7(moment - clock_timestamp())",
    "dedup_key": "uuidv4()",
    "user_id": "'user-' || number",
    "event": "event",
    "os": "'android'",
    "channel": f"(ARRAY{CHANNELS})[1 + mod(number, {len(CHANNELS)})]",
    "amount_fen": "CASE event WHEN 'active_pay' THEN 600 + mod(k, 50) * 100 END",
    "outer_event_id": "uuidv4()::text",
    "occurred_at": "moment",
    "received_at": "moment + interval '2 seconds'",
    "device": "%(device)s",
    "device_digest": "sha256(number::text::bytea)",
    "state": f"""
        CASE WHEN NOT {_IS_ATTRIBUTED} THEN 'organic' WHEN mod(number, 101) = 0 THEN 'rejected'
        WHEN mod(number, 211) = 0 THEN 'failed' WHEN mod(number, 997) = 0 THEN 'held' ELSE 'reported' END
    """,
    "give_up_at": "moment + interval '3 days'",
    "finished_at": "moment + interval '5 seconds'",
    "attribution_id": f"CASE WHEN {_IS_ATTRIBUTED} THEN number END",
    "advertiser_id": f"CASE WHEN {_IS_ATTRIBUTED} THEN {_AD_COLUMNS['advertiser_id']} END",
    "body": f"CASE WHEN {_IS_ATTRIBUTED} THEN %(body)s ELSE '' END",
}

Item = TypeVar("Item")


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    with transaction.atomic(), connection.cursor() as cursor:
        # No triggers: their notes would be as many as the rows.
        cursor.execute("SET LOCAL session_replication_role = replica")
        with _without_indexes(cursor):
            _add_rows(arguments.conversions, arguments.clicks, arguments.days)
    _sum_up(arguments.days)


def _add_rows(conversions: int, clicks: int, days: int) -> None:
    from django.utils import timezone  # noqa: PLC0415  # what follows needs Django's settings

    from attribution import device_ids  # noqa: PLC0415
    from attribution.models import App, Attribution, Click, Conversion  # noqa: PLC0415

    app, _is_new = App.objects.get_or_create(slug="seeded", defaults={"android_package": "com.example.seeded"})
    begin = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    users = max(10, int(conversions / days / EVENTS_PER_USER))
    texts = {
        "raw": device_ids.encrypt("k=v&" * 150),
        "body": device_ids.encrypt("b" * 420),
        "device": device_ids.encrypt("d" * 180),
    }
    first_click, first_user = _next_id(Click), _next_id(Attribution)
    for n in _with_progress(range(days), "days of clicks and events"):
        day = {"app_id": app.pk, "n": n, "start": begin + timedelta(days=n), **texts}
        _insert(Click, _DAYS_ROWS, CLICKS, day | {"first": first_click, "per_day": max(1, clicks // days)})
        of_users = day | {"first": first_user, "per_day": users}
        _insert(Attribution, _DAYS_ROWS, USERS, of_users)
        _insert(Conversion, _DEEDS_ROWS, CONVERSIONS, of_users)
    for model in (Click, Attribution):
        _advance_ids(model)


def _sum_up(days: int) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from attribution import stats  # noqa: PLC0415
    from attribution.models import App, Attribution, Click, Conversion  # noqa: PLC0415
    from attribution.roll_ups import Change, ClickDay, EventDay, StateDay, UserDay  # noqa: PLC0415

    with connection.cursor() as cursor:
        for model in _with_progress([Click, Attribution, Conversion], "tables analysed"):
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")
    app = App.objects.get(slug="seeded")
    now = timezone.now()
    for n in _with_progress(range(days), "days summed"):
        Change.objects.create(app_id=app.pk, happened_at=now - timedelta(days=n))
        stats.catch_up(now)
    with connection.cursor() as cursor:
        for model in (ClickDay, EventDay, StateDay, UserDay):
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")


@contextlib.contextmanager
def _without_indexes(cursor: CursorWrapper) -> Iterator[None]:
    """Built at the end they take minutes; row by row, hours. Rolled back as a whole if anything goes wrong."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid IN ('attribution_click'::regclass, 'attribution_conversion'::regclass)"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
    )
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
    for _name, definition in _with_progress(indexes, "indexes built"):
        cursor.execute(definition)


def _insert(model: type[models.Model], source: str, columns: Mapping[str, str], parameters: Mapping[str, Any]) -> None:
    """Columns that are not given are left empty."""
    columns = {"app_id": "%(app_id)s", **columns}
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(
        f"({columns.get(str(field.column)) or _empty(field)})::{field.rel_db_type(connection)}" for field in fields
    )
    statement = f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} FROM ({source}) AS given"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _empty(field: "models.Field[Any, Any]") -> str:
    if field.null:
        return "NULL"
    kinds = {"JSONField": "'{}'", "ArrayField": "'{}'", "BooleanField": "false", "CharField": "''", "TextField": "''"}
    return kinds.get(field.get_internal_type(), "0")


def _next_id(model: type[models.Model]) -> int:
    last = model._default_manager.aggregate(last=models.Max("pk"))["last"]
    return int(last or 0) + 1


def _advance_ids(model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), {_next_id(model)})")


def _with_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    begin = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        passed_s = time.monotonic() - begin
        left_s = passed_s / count * (len(items) - count)
        print(f"\r{count} of {len(items)} {what}, {passed_s:.0f} s, {left_s:.0f} s left  ", end="", flush=True)
    print()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fill the database, to measure at size.")
    parser.add_argument("--conversions", type=int, required=True)
    parser.add_argument("--clicks", type=int, required=True)
    parser.add_argument("--days", type=int, default=DAYS, help="up to today")
    return parser.parse_args()


if __name__ == "__main__":
    main()
