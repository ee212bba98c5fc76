"""One day of one app, summed from its clicks and events: the statements that write the sums, or compare them.

Which days, when and why it is exact: `summing`. All names in the statements come from the models.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from attribution.events.reported import SAME_USER
from attribution.models import Attribution, Click, Conversion, EarlierAttribution
from attribution.models.roll_ups import AdName, Change, ClickDay, EventDay, StateDay, UserDay
from foundation.days import midnight

# An event may be dated a little ahead of its arrival, which the purge goes by.
PURGE_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class AppDay:
    app_id: int
    day: date

    @property
    def start(self) -> datetime:
        return midnight(self.day)

    @property
    def end(self) -> datetime:
        """The next midnight of `TIME_ZONE`, whatever the clocks do in between."""
        return midnight(self.day + timedelta(days=1))

    @property
    def parameters(self) -> dict[str, Any]:
        zone = timezone.get_default_timezone_name()
        return {"app": self.app_id, "day": self.day, "start": self.start, "end": self.end, "zone": zone}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Sums that differ from what the rows say. `stored` or `actual` is None if that side has no such row."""

    table: str
    key: dict[str, Any]
    stored: dict[str, Any] | None
    actual: dict[str, Any] | None
    is_noted: bool

    def __str__(self) -> str:
        key = " ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.table} {key}: stored {self.stored}, in fact {self.actual}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of sums, and the query that makes its rows of one day of one app (`AppDay.parameters`).

    The query's columns are the table's without its id and, where `is_named`, `campaign_name` and `ad_name`.
    """

    model: type[models.Model]
    query: str
    is_named: bool = False

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def key(self) -> list[str]:
        [once] = [each for each in self.model._meta.constraints if isinstance(each, models.UniqueConstraint)]
        return [self._column(name) for name in once.fields]

    @property
    def sums(self) -> list[str]:
        """All columns that are neither key nor id."""
        columns = [str(field.column) for field in self.model._meta.concrete_fields if not field.primary_key]
        return [column for column in columns if column not in self.key]

    def _column(self, name: str) -> str:
        return str(self.model._meta.get_field(name).column)  # type: ignore[union-attr]  # only columns are in a key


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """Tables that are summed from the same rows, which are read once: `sources` are what their queries read from."""

    tables: list[Table]
    sources: str = ""
    # The setting that says how long the rows are kept; None: forever.
    retention: str | None = None

    def is_final(self, app_day: AppDay, now: datetime) -> bool:
        """Whether some of the day's rows may have been purged: the rest would give wrong sums."""
        if self.retention is None:
            return False
        return app_day.start < now - timedelta(days=getattr(settings, self.retention)) + PURGE_MARGIN

    def write(self, app_day: AppDay) -> None:
        """Only what differs is written: most of a day's sums are as they were half a minute ago."""
        steps = ", ".join(_write_steps(table) for table in self.tables)
        with connection.cursor() as cursor:
            cursor.execute(f"WITH {self.sources} {steps} SELECT", app_day.parameters)

    def differences(self, app_day: AppDay) -> Iterator[Difference]:
        for table in self.tables:
            with connection.cursor() as cursor:
                cursor.execute(f"WITH {self.sources} {_comparison(table)}", app_day.parameters)
                for key, stored, actual, is_noted in cursor.fetchall():
                    yield Difference(
                        table=table.name,
                        key=_pick(table.key, json.loads(key)),
                        stored=stored and _pick(table.sums, json.loads(stored)),
                        actual=actual and _pick(table.sums, json.loads(actual)),
                        is_noted=is_noted,
                    )


def _write_steps(table: Table) -> str:
    """Parts of a WITH: the fresh rows, the removal of rows that no longer exist, and the writing of the others.

    NOT IN is looked up in a hash. NOT EXISTS would be a join, for which PostgreSQL, knowing nothing of the fresh rows,
    expects a single one: a loop over 16,000 × 16,000 rows.
    """
    fresh, columns = f"fresh_{table.name}", ", ".join([*table.key, *table.sums])
    stored, given = _listed("stored", table.sums), _listed("EXCLUDED", table.sums)
    steps = f"""
        {fresh} AS MATERIALIZED ({table.query}),
        gone_{table.name} AS (
            DELETE FROM {table.name} WHERE app_id = %(app)s AND day = %(day)s
            AND ({", ".join(table.key)}) NOT IN (SELECT {", ".join(table.key)} FROM {fresh})
        ),
        written_{table.name} AS (
            INSERT INTO {table.name} AS stored ({columns}) SELECT {columns} FROM {fresh}
            ON CONFLICT ({", ".join(table.key)}) DO UPDATE SET ({", ".join(table.sums)}) = ROW({given})
            WHERE ({stored}) IS DISTINCT FROM ({given})
        )
    """  # noqa: S608
    return f"{steps}, names_{table.name} AS ({_write_names(fresh)})" if table.is_named else steps


def _write_names(fresh: str) -> str:
    """The name seen last counts, whichever day is summed again: summing an old day must not bring an old name back."""
    return f"""
        INSERT INTO {AdName._meta.db_table} AS stored (platform, level, platform_id, name, seen_day)
        SELECT platform, level, platform_id, max(name), %(day)s
        FROM {fresh}, LATERAL (
            VALUES ('campaign', campaign_id, campaign_name), ('ad', ad_id, ad_name)
        ) AS seen (level, platform_id, name)
        WHERE platform_id <> 0 AND name <> ''
        GROUP BY platform, level, platform_id
        ON CONFLICT (platform, level, platform_id)
        DO UPDATE SET (name, seen_day) = ROW(EXCLUDED.name, EXCLUDED.seen_day)
        WHERE EXCLUDED.seen_day > stored.seen_day
        OR EXCLUDED.seen_day = stored.seen_day AND EXCLUDED.name <> stored.name
    """  # noqa: S608


def _comparison(table: Table) -> str:
    key = ", ".join(table.key)
    stored, actual = _listed("stored", table.sums), _listed("fresh", table.sums)
    return f"""
        fresh AS MATERIALIZED ({table.query}),
        stored AS (SELECT * FROM {table.name} WHERE app_id = %(app)s AND day = %(day)s)
        SELECT to_jsonb(both_sides), to_jsonb(stored), to_jsonb(fresh), ({_IS_NOTED})
        FROM stored FULL JOIN fresh USING ({key}) AS both_sides
        WHERE stored IS NULL OR fresh IS NULL OR ({stored}) IS DISTINCT FROM ({actual})
        ORDER BY {key}
    """  # noqa: S608


def _pick(names: list[str], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _listed(table: str, columns: list[str]) -> str:
    return ", ".join(f"{table}.{column}" for column in columns)


# Which ad, of a row named `ad`; 0 is how the sums say "none".
_AD = """
    COALESCE(ad.platform, '') AS platform, COALESCE(ad.advertiser_id, 0) AS advertiser_id,
    COALESCE(ad.campaign_id, 0) AS campaign_id, COALESCE(ad.ad_id, 0) AS ad_id, ad.campaign_name, ad.ad_name
"""
_AD_COLUMNS = "platform, advertiser_id, campaign_id, ad_id, campaign_name, ad_name"
APP_DAY = "%(app)s::bigint AS app_id, %(day)s::date AS day"

_CLICKS = f"""
    clicks AS NOT MATERIALIZED (
        SELECT {_AD} FROM {Click._meta.db_table} AS ad
        WHERE app_id = %(app)s AND clicked_at >= %(start)s AND clicked_at < %(end)s AND match_type = 'click'
    ),
"""  # noqa: S608
_CLICK_DAY = f"""
    SELECT {APP_DAY}, false AS is_organic, platform, advertiser_id, campaign_id, ad_id,
    max(campaign_name) AS campaign_name, max(ad_name) AS ad_name, count(*) AS clicks
    FROM clicks GROUP BY platform, advertiser_id, campaign_id, ad_id
"""  # noqa: S608

_OF_THE_DAY = """
    event.app_id = %(app)s AND event.occurred_at >= %(start)s AND event.occurred_at < %(end)s AND NOT event.is_test
"""
# What happened, with the user's ad; and of those who paid or came back that day, what each of them did.
# A user who got another ad has earlier ones, each until it was replaced; LIMIT also keeps PostgreSQL from reading all
# users for one day.
_EVENTS = f"""
    events AS MATERIALIZED (
        SELECT event.id, event.user_id, event.event, event.state, event.channel, event.amount_fen, event.occurred_at,
        event.reason <> '{SAME_USER}' AS counts, ad.id IS NULL AS is_organic, {_AD}
        FROM {Conversion._meta.db_table} AS event
        LEFT JOIN LATERAL (
            (
                SELECT 0 AS rank, id, {_AD_COLUMNS} FROM {EarlierAttribution._meta.db_table}
                WHERE app_id = event.app_id AND user_id = event.user_id AND replaced_at > event.occurred_at
                ORDER BY replaced_at LIMIT 1
            ) UNION ALL (
                SELECT 1 AS rank, id, {_AD_COLUMNS} FROM {Attribution._meta.db_table}
                WHERE app_id = event.app_id AND user_id = event.user_id AND is_attributed LIMIT 1
            ) ORDER BY rank LIMIT 1
        ) AS ad ON true
        WHERE {_OF_THE_DAY}
    ),
    users AS MATERIALIZED (
        SELECT user_id, is_organic, platform, advertiser_id, campaign_id, ad_id,
        (array_agg(channel ORDER BY event <> 'active_pay', occurred_at, id))[1] AS channel,
        count(*) FILTER (WHERE event = 'active_pay') AS payments,
        COALESCE(sum(amount_fen) FILTER (WHERE event = 'active_pay'), 0) AS amount_fen,
        count(*) FILTER (WHERE event = 'next_day_open') AS next_day_opens
        FROM events WHERE event IN ('active_pay', 'next_day_open') AND counts
        GROUP BY user_id, is_organic, platform, advertiser_id, campaign_id, ad_id
    ),
"""  # noqa: S608
_USER_DAY = f"""
    SELECT {APP_DAY}, hashtextextended(users.user_id, %(app)s) AS user_key, is_organic, platform,
    users.advertiser_id, campaign_id, ad_id, users.channel, payments, users.amount_fen, next_day_opens,
    (activation.occurred_at AT TIME ZONE %(zone)s)::date AS activation_day,
    COALESCE(activation.channel, '') AS activation_channel
    FROM users
    LEFT JOIN LATERAL (
        SELECT occurred_at, channel FROM {Conversion._meta.db_table}
        WHERE app_id = %(app)s AND user_id = users.user_id AND event = 'active' AND NOT is_test
        AND reason <> '{SAME_USER}'
        ORDER BY occurred_at < %(end)s DESC, abs(extract(epoch FROM occurred_at - %(end)s)) LIMIT 1
    ) AS activation ON true
"""  # noqa: S608
# Each paying user once, at the channel of the first payment.
_EVENT_DAY = f"""
    SELECT {APP_DAY}, is_organic, platform, advertiser_id, campaign_id, ad_id, channel,
    max(campaign_name) AS campaign_name, max(ad_name) AS ad_name,
    count(*) FILTER (WHERE event = 'active') AS activations,
    count(*) FILTER (WHERE event = 'active_register') AS registrations,
    count(*) FILTER (WHERE event = 'active_pay') AS payments,
    count(*) FILTER (WHERE event = 'one who paid') AS paying_users,
    COALESCE(sum(amount_fen) FILTER (WHERE event = 'active_pay'), 0) AS amount_fen,
    count(*) FILTER (WHERE event = 'next_day_open') AS next_day_opens,
    count(*) FILTER (WHERE event = 'game_addiction') AS key_behaviours
    FROM (
        SELECT is_organic, platform, advertiser_id, campaign_id, ad_id, channel, campaign_name, ad_name, event,
        amount_fen
        FROM events WHERE counts
        UNION ALL
        SELECT is_organic, platform, advertiser_id, campaign_id, ad_id, channel, NULL, NULL, 'one who paid', NULL
        FROM users WHERE payments > 0
    ) AS deeds
    GROUP BY is_organic, platform, advertiser_id, campaign_id, ad_id, channel
"""  # noqa: S608
_STATE_DAY = f"SELECT {APP_DAY}, event, state, count(*) AS conversions FROM events GROUP BY event, state"  # noqa: S608

# Whether a note already says that the day must be summed again: a note of the day, or of a user who did something.
_IS_NOTED = f"""
    EXISTS (
        SELECT FROM {Change._meta.db_table}
        WHERE app_id = %(app)s AND happened_at >= %(start)s AND happened_at < %(end)s
    ) OR EXISTS (
        SELECT FROM {Change._meta.db_table} AS noted
        JOIN {Conversion._meta.db_table} AS event USING (app_id, user_id)
        WHERE noted.user_id <> '' AND {_OF_THE_DAY}
    )
"""  # noqa: S608

DAY_SUMS = [
    DaySums(
        tables=[Table(model=ClickDay, query=_CLICK_DAY, is_named=True)],
        sources=_CLICKS,
        retention="CLICK_RETENTION_DAYS",
    ),
    DaySums(
        tables=[
            Table(model=EventDay, query=_EVENT_DAY, is_named=True),
            Table(model=UserDay, query=_USER_DAY),
            Table(model=StateDay, query=_STATE_DAY),
        ],
        sources=_EVENTS,
        retention="CONVERSION_RETENTION_DAYS",
    ),
]
