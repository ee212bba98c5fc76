"""Sums per day, made again from the rows wherever something has changed.

*Why a log of changes.* Nothing counts on the way of an event: a counter is a hot row under every worker, and wrong for
ever after one crash. Instead the database notes in `Change`, in the transaction of the change itself, *where* something
changed; `catch_up` takes the notes and sums those days of those apps again from the rows.
A mark in the rows (the time of the last change, and a watermark) would need an index that every claim of a worker
writes to, and would miss what commits later than a younger row. A table of dirty days would be one hot row for all of
today's events; notes are only ever appended, so nobody waits for anybody.

*Why triggers.* Rows are changed by bulk statements in several modules, by people, by psql. Written by the database, a
note cannot be forgotten, and costs no round trip.

*What is noted.* A quarter of an hour in which clicks or events happened: the database need not know `TIME_ZONE`, since
all offsets are multiples of that. And a user, when an ad is found for them (their earlier events move from organic to
the ad) or their activation arrives (their payments belong to its cohort): which days that concerns is looked up
afterwards, by a snapshot that sees both the ad and the events. Looked up on the way, an event that commits meanwhile
would be missed.

*Why it is exact.* Notes are deleted in the transaction that writes the sums, before the statements that read the rows:
what a deleted note tells of is visible to them, and what is not visible yet has its own note. A crash takes all of it
back. One process sums at a time; another one finds the lock taken and leaves.

Sums of users over several days (`user_sums`) are made from the sums of single days, in the same transaction.

A day older than the retention of its rows is final: what is left of them would make wrong sums.
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

# Any number that no other advisory lock of this database has.
LOCK = 0x57A75
# What is verified each night; older days change no more but by hand.
VERIFIED_DAYS = 90
# How often a day is compared again that changes right now.
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
    """Sum those days again that `verify` finds wrong. Returns what was wrong."""
    found = []
    for app_day in _last_days(days, now):
        if differences := _differences(app_day, now):
            Change.objects.create(app_id=app_day.app_id, happened_at=app_day.start)
            _sum_again(app_day, now)
            found += differences
    return found


def _locate_users() -> None:
    """Put the days of what noted users did in the place of their notes."""
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
    """Returns whether it was done: not if another process is summing."""
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
    """A day of 340,000 clicks, at the default of 4 MB, is sorted on the disk instead of counted in memory."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")


def _last_days(days: int, now: datetime) -> list[AppDay]:
    today = timezone.localdate(now, timezone.get_default_timezone())
    app_ids = App.objects.order_by("id").values_list("id", flat=True)
    return [AppDay(app_id, today - timedelta(days=n)) for app_id in app_ids for n in reversed(range(days))]


def _differences(app_day: AppDay, now: datetime) -> list[Difference]:
    """Without those that a note tells of already; while there are any, the day is brought up to date first.

    Difference and note are seen by one snapshot, so that an event that comes in meanwhile is not taken for an error.
    """
    for _ in range(COMPARISONS):
        found = [each for sums in _ALL_SUMS if not sums.is_final(app_day, now) for each in sums.differences(app_day)]
        if not any(difference.is_noted for difference in found):
            break
        catch_up(now)
    return [difference for difference in found if not difference.is_noted]
