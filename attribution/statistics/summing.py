"""Sums per day, calculated again from the rows wherever something has changed.

*Why a log of changes.* Nothing is counted while an event is on its way: a counter would be a hot row under every
worker, and wrong forever after one crash. Instead the database notes in `Change`, in the transaction of the change
itself, *where* something changed; `catch_up` takes the notes and sums those days of those apps again from the rows.
A mark in the rows (the time of the last change, and a watermark) would need an index that every claim of a worker
writes to, and would miss rows that commit later than a younger row. A table of dirty days would be one hot row for all
of today's events; notes are only ever appended, so nobody waits for anybody.

*Why triggers.* Rows are changed by bulk statements in several modules, by people and by psql. A note that the database
writes cannot be forgotten, and costs no round trip.

*What is noted.* A quarter of an hour in which clicks or events happened: the database need not know `TIME_ZONE`, since
all offsets are multiples of that. And a user, when an ad is found for them (their earlier events move from organic to
the ad) or their activation arrives (their payments belong to its cohort): the days concerned are looked up afterwards,
in a snapshot that sees both the ad and the events. If they were looked up at once, an event that commits meanwhile
would be missed.

*Why it is exact.* Notes are deleted in the transaction that writes the sums, before the statements that read the rows:
what a deleted note is about is visible to them, and what is not visible yet has its own note. A crash rolls all of it
back. One process sums at a time; any other finds the lock taken and returns.

Sums of users over several days (`user_sums`) are made from the sums of single days, in the same transaction.

A day older than the retention of its rows is final: the rows that are left would give wrong sums.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models.functions import TruncDate
from django.utils import timezone

from attribution.models import App, Conversion
from attribution.models.roll_ups import Change
from attribution.statistics import user_sums
from attribution.statistics.day_sums import DAY_SUMS, AppDay, Difference

# Any number that no other advisory lock of this database uses.
LOCK = 0x57A75
# The days that are verified each night; older days change only by hand.
VERIFIED_DAYS = 90
# How many times a day that is changing right now is compared again.
COMPARISONS = 5

_ALL_SUMS = [*DAY_SUMS, user_sums.COHORT_SUMS, user_sums.PAYER_SUMS]


def catch_up(now: datetime) -> int:
    """Sum again all days that have changed. Returns how many there were."""
    _locate_users()
    count = 0
    for app_day in _changed_days():
        if not _sum_again(app_day, now):
            break
        count += 1
    return count


def verify(*, days: int, now: datetime) -> Iterator[Difference]:
    """Compare the sums of the last days with the rows, today included."""
    for app_day in _last_days(days, now):
        yield from _differences(app_day, now)


def repair(*, days: int, now: datetime) -> list[Difference]:
    """Sum the days again that `verify` finds wrong. Returns what was wrong."""
    found = []
    for app_day in _last_days(days, now):
        if differences := _differences(app_day, now):
            Change.objects.create(app_id=app_day.app_id, happened_at=app_day.start)
            _sum_again(app_day, now)
            found += differences
    return found


def _locate_users() -> None:
    """Replace the notes of users by notes of the days on which they did something."""
    change, conversion = Change._meta.db_table, Conversion._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"""
            WITH located AS (DELETE FROM {change} WHERE user_id <> '' RETURNING app_id, user_id)
            INSERT INTO {change} (app_id, happened_at, user_id)
            SELECT DISTINCT app_id, attribution_quarter_hour(occurred_at), ''
            FROM (SELECT DISTINCT app_id, user_id FROM located) AS users
            JOIN {conversion} AS event USING (app_id, user_id)
        """)  # noqa: S608  # names of ours


def _changed_days() -> list[AppDay]:
    day = TruncDate("happened_at", tzinfo=timezone.get_default_timezone())
    noted = Change.objects.filter(user_id="").annotate(day=day).values_list("app_id", "day").distinct()
    return sorted(AppDay(app_id, day) for app_id, day in noted)


def _sum_again(app_day: AppDay, now: datetime) -> bool:
    """Returns False if another process is summing."""
    with transaction.atomic():
        if not _take_lock():
            return False
        Change.objects.filter(
            app_id=app_day.app_id, happened_at__gte=app_day.start, happened_at__lt=app_day.end
        ).delete()
        _make_room()
        users = user_sums.look(app_day)
        for sums in DAY_SUMS:
            if not sums.is_final(app_day, now):
                sums.write(app_day)
        user_sums.write(app_day, users)
    return True


def _take_lock() -> bool:
    """Until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        (is_ours,) = cursor.fetchone()
    return bool(is_ours)


def _make_room() -> None:
    """With the default of 4 MB, a day of 340,000 clicks is sorted on disk instead of counted in memory."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")


def _last_days(days: int, now: datetime) -> list[AppDay]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    app_ids = App.objects.order_by("id").values_list("id", flat=True)
    return [AppDay(app_id, today - timedelta(days=n)) for app_id in app_ids for n in reversed(range(days))]


def _differences(app_day: AppDay, now: datetime) -> list[Difference]:
    """Without the differences that a note already covers: as long as there are any, the day is first summed again.

    One snapshot sees both difference and note, so that an event that arrives meanwhile is not taken for an error.
    """
    for _ in range(COMPARISONS):
        found = [each for sums in _ALL_SUMS if not sums.is_final(app_day, now) for each in sums.differences(app_day)]
        if not any(difference.is_noted for difference in found):
            break
        catch_up(now)
    return [difference for difference in found if not difference.is_noted]
