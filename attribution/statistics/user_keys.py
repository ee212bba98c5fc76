"""What the sums of a user need when the user gets another id."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.utils import timezone

from attribution.models.roll_ups import Change, UserDay


def change(app_id: int, user_ids: Collection[str], *, into: str) -> None:
    """Give the users' days the key of another id, and note what has to be summed again. Call it with the renaming.

    Days whose records are purged are never summed from rows again: they keep their sums, and only the key changes. A
    day on which both ids did something is summed again from the rows.
    """
    given: dict[str, Any] = {
        "app": app_id,
        "user_ids": list(user_ids),
        "into": into,
        "zone": timezone.get_default_timezone_name(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHANGE, given)
        cursor.execute(_NOTE, given)


_USER_DAY, _CHANGE_LOG = UserDay._meta.db_table, Change._meta.db_table
# Day by day: the table's index by user has only the days with payments.
_CHANGE = f"""
    WITH found AS MATERIALIZED (
        SELECT mine.id, mine.day FROM
        generate_series((SELECT min(day) FROM {_USER_DAY}), (SELECT max(day) FROM {_USER_DAY}), '1 day') AS each (at)
        CROSS JOIN LATERAL (
            SELECT id, day FROM {_USER_DAY} WHERE day = each.at::date AND app_id = %(app)s AND user_key = ANY(
                SELECT hashtextextended(user_id, %(app)s::bigint) FROM unnest(%(user_ids)s::text[]) AS given (user_id)
            ) ORDER BY id LIMIT 1
        ) AS mine
    ), changed AS (
        UPDATE {_USER_DAY} AS stored SET user_key = hashtextextended(%(into)s::text, %(app)s::bigint) FROM found
        WHERE stored.id = found.id AND NOT EXISTS (
            SELECT FROM {_USER_DAY} AS other WHERE other.day = stored.day AND other.app_id = %(app)s
            AND other.user_key = hashtextextended(%(into)s::text, %(app)s::bigint)
        ) RETURNING stored.day
    )
    INSERT INTO {_CHANGE_LOG} (app_id, happened_at, user_id)
    SELECT DISTINCT %(app)s, day::timestamp AT TIME ZONE %(zone)s, '' FROM changed
"""  # noqa: S608  # names of ours
# The days of the user's events, which are looked up later, and nothing that would name an earlier id.
_NOTE = f"""
    WITH gone AS (DELETE FROM {_CHANGE_LOG} WHERE app_id = %(app)s AND user_id = ANY(%(user_ids)s))
    INSERT INTO {_CHANGE_LOG} (app_id, happened_at, user_id) VALUES (%(app)s, NULL, %(into)s)
"""  # noqa: S608
