"""Click flooding: many clicks of one device, sent in the hope that one of them is the last before an install.

Nothing is refused for it: clicks and matches are flagged with a reason, and people decide.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

import msgspec
from django.db import connection
from django.utils.translation import gettext as _

from attribution.clicks.columns import ID_COLUMNS
from attribution.clicks.matching import Kind
from attribution.models import Click

# Nobody clicks on the ads of one app this often.
MANY_AN_HOUR = 20
MANY_A_DAY = 100
# Of a period, its newest clicks are read: a page costs the same at any size of the table.
READ = 50_000
SHOWN = 50
LEAST_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClicks:
    """The clicks of one device, which is known by a digest of its surest id."""

    app_id: int
    kind: Kind
    digest: bytes
    clicks: int
    most_an_hour: int
    ads: int
    first_at: datetime
    last_at: datetime
    days: int

    @property
    def reason(self) -> str:
        """Why these are too many; empty: they are not."""
        if self.most_an_hour >= MANY_AN_HOUR:
            return _("Flooding: %(clicks)s clicks within an hour.") % {"clicks": f"{self.most_an_hour:,}"}
        if self.clicks >= MANY_A_DAY * self.days:
            return _("Flooding: %(clicks)s clicks a day.") % {"clicks": f"{self.clicks // self.days:,}"}
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`read_since`: if not all of the period's clicks were read, when the oldest one that was read arrived."""

    devices: list[DeviceClicks]
    read_since: datetime | None


def find(*, since: datetime, until: datetime, app_ids: Collection[int] | None = None) -> Found:
    """The devices with the most clicks among the newest ones that arrived in this time; None: of all apps."""
    days = max((until - since) // timedelta(days=1), 1)
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(), {"since": since, "until": until, "apps": None if app_ids is None else list(app_ids)}
        )
        rows = cursor.fetchall()
    oldest_at, count = rows[0][:2] if rows else (None, 0)
    devices = [
        DeviceClicks(
            app_id=app_id,
            kind=Kind(kind),
            digest=bytes(digest),
            clicks=clicks,
            most_an_hour=most_an_hour,
            ads=ads,
            first_at=first_at,
            last_at=last_at,
            days=days,
        )
        for _oldest, _count, app_id, kind, digest, clicks, most_an_hour, ads, first_at, last_at in rows
        if digest is not None
    ]
    devices.sort(key=lambda device: not device.reason)
    return Found(devices=devices, read_since=oldest_at if count > READ else None)


class Clicking(NamedTuple):
    """A device, by the digests of one of its ids, at a moment."""

    app_id: int
    kind: Kind
    digests: frozenset[bytes]
    until: datetime


def count(sought: Sequence[Clicking]) -> list[int]:
    """The clicks of each device within a day before the moment. Counting stops at `MANY_A_DAY`."""
    rows = [
        {"number": number, "kind": kind, "app_id": app_id, "digest_hex": digest.hex(), "until": until}
        for number, (app_id, kind, digests, until) in enumerate(sought)
        if kind in ID_COLUMNS
        for digest in digests
    ]
    counts = [0] * len(sought)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_count_statement(), [msgspec.json.encode(rows).decode()])
            for number, clicks in cursor.fetchall():
                counts[number] += clicks
    return counts


@cache
def _statement() -> str:
    """Of the devices with the most clicks, the busiest hour: it tells a flood from a month of clicks."""
    device = "COALESCE(" + ", ".join(
        f"{column}[1]" if kind is Kind.CAID else column for kind, column in ID_COLUMNS.items()
    )
    kind = "CASE " + " ".join(
        f"WHEN {f'{column}[1]' if kind is Kind.CAID else column} IS NOT NULL THEN '{kind}'"
        for kind, column in ID_COLUMNS.items()
    )
    return f"""
        WITH newest AS MATERIALIZED (
            SELECT app_id, received_at, clicked_at, match_type, ad_id, {device}) AS device, {kind} END AS kind
            FROM {Click._meta.db_table} WHERE received_at >= %(since)s AND received_at < %(until)s
            ORDER BY received_at DESC LIMIT {READ + 1}
        ), devices AS MATERIALIZED (
            SELECT app_id, kind, device, count(*) AS clicks, min(clicked_at) AS first_at, max(clicked_at) AS last_at
            FROM newest WHERE device IS NOT NULL AND match_type = 'click'
            AND (%(apps)s::bigint[] IS NULL OR app_id = ANY(%(apps)s::bigint[]))
            GROUP BY app_id, kind, device HAVING count(*) >= {LEAST_SHOWN}
            ORDER BY clicks DESC, device LIMIT {SHOWN}
        ), hours AS (
            SELECT app_id, device, count(*) AS clicks, array_agg(ad_id) AS ad_ids
            FROM newest JOIN devices USING (app_id, device) WHERE match_type = 'click'
            GROUP BY app_id, device, date_trunc('hour', newest.clicked_at)
        ), busiest AS (SELECT app_id, device, max(clicks) AS most_an_hour FROM hours GROUP BY app_id, device),
        ads AS (
            SELECT app_id, device, count(DISTINCT ad_id) AS ads
            FROM hours, unnest(ad_ids) AS ad_id GROUP BY app_id, device
        )
        SELECT read.oldest_at, read.clicks, app_id, kind, device, devices.clicks, most_an_hour, ads, first_at, last_at
        FROM (SELECT min(received_at) AS oldest_at, count(*) AS clicks FROM newest) AS read
        LEFT JOIN (devices JOIN busiest USING (app_id, device) JOIN ads USING (app_id, device)) ON true
        ORDER BY devices.clicks DESC, device
    """  # noqa: S608  # names of ours


@cache
def _count_statement() -> str:
    return (
        "WITH sought AS (SELECT given.*, decode(digest_hex, 'hex') AS digest FROM json_to_recordset(%s) AS given "  # noqa: S608
        "(number int, kind text, app_id bigint, digest_hex text, until timestamptz)) "
        + " UNION ALL ".join(_count_by(kind, column) for kind, column in ID_COLUMNS.items())
    )


def _count_by(kind: Kind, column: str) -> str:
    """`<> '{}'` is redundant, but without it PostgreSQL can't use the partial index."""
    has_digest = f"{column} && ARRAY[digest] AND {column} <> '{{}}'" if kind is Kind.CAID else f"{column} = digest"
    return (
        "SELECT number, (SELECT count(*) FROM ("  # noqa: S608
        f"SELECT FROM {Click._meta.db_table} AS click WHERE click.app_id = sought.app_id AND {has_digest} "
        f"AND clicked_at > until - interval '1 day' AND clicked_at <= until AND match_type = 'click' LIMIT {MANY_A_DAY}"
        f") AS clicks) FROM sought WHERE kind = '{kind}'"
    )
