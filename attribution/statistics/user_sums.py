"""Sums made from `UserDay`: what became of each day's cohort, and who of a day's payers had paid before.

They are written in the transaction that writes the day's `UserDay`, under the same lock, so they always agree with it.
A day's users count for other days as well: for the cohorts they belong to, and for the next day on which they pay.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import connection

from attribution.models.roll_ups import NEVER, CohortDay, PayerDay, UserDay
from attribution.statistics.day_sums import APP_DAY, AppDay, DaySums, Table


@dataclass(frozen=True, slots=True)
class Users:
    """What other days' sums depend on: the activation days of some of a day's users, and the keys of those who paid."""

    cohorts: set[date]
    payers: set[int]


def look(app_day: AppDay) -> Users:
    """Call this before the day's `UserDay` is written, and pass the result to `write` afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(_COHORTS_OF_DAY, app_day.parameters)
        cohorts = {day for (day,) in cursor.fetchall()}
        cursor.execute(_PAYERS_OF_DAY, app_day.parameters)
        return Users(cohorts, {user_key for (user_key,) in cursor.fetchall()})


def write(app_day: AppDay, before: Users) -> None:
    """Sum everything again that depends on the users of the day."""
    after = look(app_day)
    for day in {app_day.day} | before.cohorts | after.cohorts:
        COHORT_SUMS.write(AppDay(app_day.app_id, day))
    for day in {app_day.day} | _next_paid_days(app_day, before.payers ^ after.payers):
        PAYER_SUMS.write(AppDay(app_day.app_id, day))


def _next_paid_days(app_day: AppDay, payers: Collection[int]) -> set[date]:
    """The next days on which these users paid: on those, the day of their previous payment has changed."""
    if not payers:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_PAID_DAYS, app_day.parameters | {"payers": list(payers)})
        return {day for (day,) in cursor.fetchall()}


_USER_DAY = UserDay._meta.db_table
# Payments up to day 7, and next-day opens: nothing else of a user is summed by the activation day.
_COUNTS_FOR_COHORT = "(day - activation_day <= 7 OR next_day_opens > 0)"

_COHORTS_OF_DAY = f"""
    SELECT DISTINCT activation_day FROM {_USER_DAY}
    WHERE app_id = %(app)s AND day = %(day)s AND activation_day IS NOT NULL AND {_COUNTS_FOR_COHORT}
"""  # noqa: S608  # names of ours, as below
_PAYERS_OF_DAY = f"""
    SELECT user_key FROM {_USER_DAY} WHERE app_id = %(app)s AND day = %(day)s AND payments > 0
"""  # noqa: S608
_NEXT_PAID_DAYS = f"""
    SELECT DISTINCT next.day FROM unnest(%(payers)s::bigint[]) AS payer (user_key),
    LATERAL (
        SELECT day FROM {_USER_DAY}
        WHERE app_id = %(app)s AND user_key = payer.user_key AND day > %(day)s AND payments > 0
        ORDER BY day LIMIT 1
    ) AS next
"""  # noqa: S608

_COHORT_DAY = f"""
    SELECT {APP_DAY}, is_organic, platform, advertiser_id, campaign_id, ad_id, activation_channel AS channel,
    COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 0), 0) AS amount_day_0_fen,
    COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 1), 0) AS amount_day_1_fen,
    COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 7), 0) AS amount_day_7_fen,
    sum(next_day_opens) AS next_day_opens
    FROM {_USER_DAY} WHERE app_id = %(app)s AND activation_day = %(day)s AND {_COUNTS_FOR_COHORT}
    GROUP BY is_organic, platform, advertiser_id, campaign_id, ad_id, activation_channel
"""  # noqa: S608
_PAYER_DAY = f"""
    SELECT {APP_DAY}, is_organic, platform, advertiser_id, campaign_id, ad_id,
    COALESCE(earlier.day, '{NEVER}') AS paid_before,
    count(*) AS users
    FROM {_USER_DAY} AS payer
    LEFT JOIN LATERAL (
        SELECT day FROM {_USER_DAY}
        WHERE app_id = %(app)s AND user_key = payer.user_key AND day < %(day)s AND payments > 0
        ORDER BY day DESC LIMIT 1
    ) AS earlier ON true
    WHERE app_id = %(app)s AND payer.day = %(day)s AND payments > 0
    GROUP BY is_organic, platform, advertiser_id, campaign_id, ad_id, earlier.day
"""  # noqa: S608

COHORT_SUMS = DaySums(tables=[Table(model=CohortDay, query=_COHORT_DAY)])
PAYER_SUMS = DaySums(tables=[Table(model=PayerDay, query=_PAYER_DAY)])
