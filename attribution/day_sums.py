"""One day of one app, summed from its clicks and events: the statements that write the sums, or compare them.

Which days, when and why it is exact: `stats`. All names in the statements come from the models.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from attribution.models import Attribution, Click, Conversion
from attribution.roll_ups import AdName, Change, ClickDay, EventDay, StateDay, UserDay

# An event may be dated a little ahead of its arrival, by which the purge goes.
PURGE_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class AppDay:
    app_id: int
    day: date

    @property
    def start(self) -> datetime:
        return _midnight(self.day)

    @property
    def end(self) -> datetime:
        """The next midnight of `TIME_ZONE`, whatever the clocks do in between."""
        return _midnight(self.day + timedelta(days=1))

    @property
    def parameters(self) -> dict[str, Any]:
        zone = timezone.get_default_timezone_name()
        return {"app": self.app_id, "day": self.day, "start": self.start, "end": self.end, "zone": zone}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Sums that are not what the rows say. None: there are none."""

    table: str
    key: dict[str, Any]
    stored: dict[str, Any] | None
    actual: dict[str, Any] | None
    is_noted: bool

    def __str__(self) -> str:
        key = " ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.table} {key}: stored {self.stored}, in fact {self.actual}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """A table of sums, and the query that makes its rows of one day of one app (`AppDay.parameters`).

    The query's columns are the table's without its id and, where `is_named`, `campaign_name` and `ad_name`.
    """

    model: type[models.Model]
    query: str
    retention: str  # the setting that says how long the query's rows are kept
    is_named: bool = False

    def is_final(self, app_day: AppDay, now: datetime) -> bool:
        """Whether some of the day's rows may have been purged: what is left of them would make wrong sums."""
        return app_day.start < now - timedelta(days=getattr(settings, self.retention)) + PURGE_MARGIN

    def write(self, app_day: AppDay) -> None:
        """Only what differs is written: most of a day's sums are as they were half a minute ago."""
        with connection.cursor() as cursor:
            cursor.execute(self._write_statement(), app_day.parameters)

    def differences(self, app_day: AppDay) -> list[Difference]:
        with connection.cursor() as cursor:
            cursor.execute(self._compare_statement(), app_day.parameters)
            return [
                Difference(
                    table=self.model._meta.db_table,
                    key=_pick(self._key, json.loads(key)),
                    stored=stored and _pick(self._sums, json.loads(stored)),
                    actual=actual and _pick(self._sums, json.loads(actual)),
                    is_noted=is_noted,
                )
                for key, stored, actual, is_noted in cursor.fetchall()
            ]

    @property
    def _key(self) -> list[str]:
        [once] = [each for each in self.model._meta.constraints if isinstance(each, models.UniqueConstraint)]
        return [self._column(name) for name in once.fields]

    @property
    def _sums(self) -> list[str]:
        """All columns that are neither key nor id."""
        columns = [str(field.column) for field in self.model._meta.concrete_fields if not field.primary_key]
        return [column for column in columns if column not in self._key]

    def _column(self, name: str) -> str:
        return str(self.model._meta.get_field(name).column)  # type: ignore[union-attr]  # only columns are in a key

    def _write_statement(self) -> str:
        table, key = self.model._meta.db_table, self._key
        columns = ", ".join([*key, *self._sums])
        stored, given = _listed("stored", self._sums), _listed("EXCLUDED", self._sums)
        return f"""
            WITH fresh AS MATERIALIZED ({self.query}),
            {_WRITE_NAMES if self.is_named else ""}
            gone AS (
                DELETE FROM {table} AS stored WHERE app_id = %(app)s AND day = %(day)s
                AND NOT EXISTS (SELECT FROM fresh WHERE ({_listed("fresh", key)}) = ({_listed("stored", key)}))
            )
            INSERT INTO {table} AS stored ({columns}) SELECT {columns} FROM fresh
            ON CONFLICT ({", ".join(key)}) DO UPDATE SET ({", ".join(self._sums)}) = ROW({given})
            WHERE ({stored}) IS DISTINCT FROM ({given})
        """  # noqa: S608

    def _compare_statement(self) -> str:
        key = ", ".join(self._key)
        stored, actual = _listed("stored", self._sums), _listed("fresh", self._sums)
        return f"""
            WITH fresh AS MATERIALIZED ({self.query}),
            stored AS (SELECT * FROM {self.model._meta.db_table} WHERE app_id = %(app)s AND day = %(day)s)
            SELECT to_jsonb(both_sides), to_jsonb(stored), to_jsonb(fresh), ({_IS_NOTED})
            FROM stored FULL JOIN fresh USING ({key}) AS both_sides
            WHERE stored IS NULL OR fresh IS NULL OR ({stored}) IS DISTINCT FROM ({actual})
            ORDER BY {key}
        """  # noqa: S608


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def _pick(names: list[str], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _listed(table: str, columns: list[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


# Which ad, of a row named `ad` that has both structures; 0 is how the platform says "none".
_AD = """
    COALESCE(ad.advertiser_id, 0) AS advertiser_id,
    COALESCE(NULLIF(ad.project_id, 0), ad.campaign_id, 0) AS campaign_id,
    COALESCE(NULLIF(ad.promotion_id, 0), ad.aid, 0) AS ad_id
"""
_NAMES = """
    max(COALESCE(NULLIF(ad.project_name, ''), ad.campaign_name)) AS campaign_name,
    max(COALESCE(NULLIF(ad.promotion_name, ''), ad.aid_name)) AS ad_name
"""
_APP_DAY = "SELECT %(app)s::bigint AS app_id, %(day)s::date AS day"

_CLICKS = f"""
    {_APP_DAY}, false AS is_organic, {_AD}, {_NAMES}, count(*) AS clicks
    FROM {Click._meta.db_table} AS ad
    WHERE app_id = %(app)s AND clicked_at >= %(start)s AND clicked_at < %(end)s
    GROUP BY 1, 2, 3, 4, 5, 6
"""

_EVENTS = f"""
    FROM {Conversion._meta.db_table} AS event
    LEFT JOIN {Attribution._meta.db_table} AS ad
    ON ad.app_id = event.app_id AND ad.user_id = event.user_id AND ad.is_attributed
"""
_EVENTS_OF_THE_DAY = "event.app_id = %(app)s AND event.occurred_at >= %(start)s AND event.occurred_at < %(end)s"

_USERS = f"""
    {_APP_DAY}, ad.id IS NULL AS is_organic, {_AD},
    hashtextextended(event.user_id, event.app_id) AS user_key,
    (array_agg(event.channel ORDER BY event.event <> 'active_pay', event.occurred_at, event.id))[1] AS channel,
    (activation.occurred_at AT TIME ZONE %(zone)s)::date AS activation_day,
    COALESCE(activation.channel, '') AS activation_channel,
    count(*) FILTER (WHERE event.event = 'active_pay') AS payments,
    COALESCE(sum(event.amount_fen) FILTER (WHERE event.event = 'active_pay'), 0) AS amount_fen,
    count(*) FILTER (WHERE event.event = 'next_day_open') AS next_day_opens
    {_EVENTS}
    LEFT JOIN {Conversion._meta.db_table} AS activation
    ON activation.app_id = event.app_id AND activation.user_id = event.user_id AND activation.event = 'active'
    WHERE {_EVENTS_OF_THE_DAY} AND event.event IN ('active_pay', 'next_day_open')
    GROUP BY event.app_id, event.user_id, ad.id, activation.id
"""

# Paying users are those of the rows that were written before: each user once a day.
_DEEDS = f"""
    SELECT day, app_id, is_organic, advertiser_id, campaign_id, ad_id, channel,
    max(campaign_name) AS campaign_name, max(ad_name) AS ad_name,
    sum(activations) AS activations, sum(registrations) AS registrations, sum(payments) AS payments,
    sum(paying_users) AS paying_users, sum(amount_fen) AS amount_fen,
    sum(next_day_opens) AS next_day_opens, sum(key_behaviours) AS key_behaviours
    FROM (
        {_APP_DAY}, ad.id IS NULL AS is_organic, {_AD}, event.channel, {_NAMES},
        count(*) FILTER (WHERE event.event = 'active') AS activations,
        count(*) FILTER (WHERE event.event = 'active_register') AS registrations,
        count(*) FILTER (WHERE event.event = 'active_pay') AS payments,
        0 AS paying_users,
        COALESCE(sum(event.amount_fen) FILTER (WHERE event.event = 'active_pay'), 0) AS amount_fen,
        count(*) FILTER (WHERE event.event = 'next_day_open') AS next_day_opens,
        count(*) FILTER (WHERE event.event = 'game_addiction') AS key_behaviours
        {_EVENTS}
        WHERE {_EVENTS_OF_THE_DAY}
        GROUP BY 1, 2, 3, 4, 5, 6, 7
        UNION ALL
        SELECT app_id, day, is_organic, advertiser_id, campaign_id, ad_id, channel, NULL, NULL,
        0, 0, 0, count(*), 0, 0, 0
        FROM {UserDay._meta.db_table} WHERE app_id = %(app)s AND day = %(day)s AND payments > 0
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    ) AS parts
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608

_STATES = f"""
    {_APP_DAY}, event.event, event.state, count(*) AS conversions
    FROM {Conversion._meta.db_table} AS event WHERE {_EVENTS_OF_THE_DAY}
    GROUP BY 1, 2, 3, 4
"""

# The name seen last counts, whatever day is summed again. Sums of old days may not bring old names back.
_WRITE_NAMES = f"""
    names AS (
        INSERT INTO {AdName._meta.db_table} AS stored (level, platform_id, name, seen_day)
        SELECT level, platform_id, max(name), %(day)s
        FROM fresh, LATERAL (
            VALUES ('campaign', campaign_id, campaign_name), ('ad', ad_id, ad_name)
        ) AS seen (level, platform_id, name)
        WHERE platform_id <> 0 AND name <> ''
        GROUP BY level, platform_id
        ON CONFLICT (level, platform_id) DO UPDATE SET (name, seen_day) = ROW(EXCLUDED.name, EXCLUDED.seen_day)
        WHERE EXCLUDED.seen_day > stored.seen_day
        OR EXCLUDED.seen_day = stored.seen_day AND EXCLUDED.name <> stored.name
    ),
"""  # noqa: S608

# Whether a note tells already that the day is to be summed again: of the day itself, or of a user who did something.
_IS_NOTED = f"""
    EXISTS (
        SELECT FROM {Change._meta.db_table}
        WHERE app_id = %(app)s AND happened_at >= %(start)s AND happened_at < %(end)s
    ) OR EXISTS (
        SELECT FROM {Change._meta.db_table} AS noted
        JOIN {Conversion._meta.db_table} AS event USING (app_id, user_id)
        WHERE noted.user_id <> '' AND {_EVENTS_OF_THE_DAY}
    )
"""  # noqa: S608

# In the order of their writing: the deeds need the users.
DAY_SUMS = [
    DaySums(model=ClickDay, query=_CLICKS, retention="CLICK_RETENTION_DAYS", is_named=True),
    DaySums(model=UserDay, query=_USERS, retention="CONVERSION_RETENTION_DAYS"),
    DaySums(model=EventDay, query=_DEEDS, retention="CONVERSION_RETENTION_DAYS", is_named=True),
    DaySums(model=StateDay, query=_STATES, retention="CONVERSION_RETENTION_DAYS"),
]
