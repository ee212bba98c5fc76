"""What people do with conversions: resend, hold, release and give up. No network here.

Each verb changes only the rows whose state allows it, and returns how many these were.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from attribution.announcing import nudging
from attribution.events.reported import SAME_USER
from attribution.models import ChannelPackage, Conversion, Destination, State
from attribution.models.destinations import waiting_for
from attribution.platforms.registry import platforms

# A row that a worker is sending right now is left alone: its result would be lost.
IDLE = Q(lease_token=None)
# The row is already waiting to be resent by someone; a second resend would replace the first, which would then never
# be attempted.
WAITS_FOR_RESEND = Q(state=State.PENDING, resend_by__isnull=False)
# Its device ids were purged: nothing is left to send, and its outcome would be overwritten.
ERASED = Q(device="", body="")
# Its user's other record of the same event counts.
COUNTS_ELSEWHERE = Q(reason=SAME_USER)
RESENDABLE = IDLE & ~WAITS_FOR_RESEND & ~ERASED & ~COUNTS_ELSEWHERE
# Its report may have arrived, at a platform that would count a second one: only a person who means this very row.
MAY_COUNT_TWICE = Q(state=State.FAILED, reason="outcome_unknown")
# In the queue.
HOLDABLE = IDLE & Q(due_at__isnull=False)
RELEASABLE = IDLE & Q(state=State.HELD)
# Not settled: in the queue, or held until someone releases it.
OPEN = HOLDABLE | RELEASABLE
# At once; the rest follows with the next sweep.
RELEASED_AT_ONCE = 10_000


def resend(rows: QuerySet[Conversion], *, by: AbstractBaseUser | None, reason: str, now: datetime) -> int:
    """Send these again with a fresh budget and the same body; the next attempt records who asked for it and why.

    In any state: the person who decides knows more than we do. The attribution of an organic one is looked up again.
    Left alone are only rows on their way, since each resend must have its own attempt, and rows without device ids.
    """
    count = rows.filter(RESENDABLE).update(
        **_due(now),
        tries=0,
        refusals=0,
        lookups=0,
        reason="",
        detail="",
        finished_at=None,
        resend_by=by,
        resend_reason=reason[:255],
    )
    transaction.on_commit(nudging.nudge)
    return count


def hold(rows: QuerySet[Conversion], *, detail: str = "") -> int:
    """Take these out of the queue until a person releases them."""
    return rows.filter(HOLDABLE).update(state=State.HELD, reason="by_hand", detail=detail, due_at=None)


def give_up(rows: QuerySet[Conversion], *, detail: str = "", now: datetime) -> int:
    """Turn unsettled rows into dead letters, which only a resend tries again."""
    return rows.filter(OPEN).update(state=State.FAILED, reason="by_hand", detail=detail, due_at=None, finished_at=now)


def release(rows: QuerySet[Conversion], *, now: datetime) -> int:
    """Put held rows back into the queue."""
    count = rows.filter(RELEASABLE).update(**_due(now), reason="", detail="")
    if count:
        transaction.on_commit(nudging.nudge)
    return count


def release_switched_on(now: datetime) -> int:
    """Release the rows that waited for an app, platform or destination, now on again, or for a package, now known."""
    enabled = [row.identity for row in Destination.objects.filter(is_enabled=True)]
    ready = (
        Q(reason="app_switched_off", app__is_reporting=True)
        | Q(waiting_for(enabled), reason="destination_switched_off")
        | Q(reason="no_package") & _has_package()
        | Q(reason="no_platform", platform__in=platforms())
    )
    ids = Conversion.objects.filter(ready, IDLE, state=State.HELD).values_list("id", flat=True)[:RELEASED_AT_ONCE]
    return release(Conversion.objects.filter(id__in=list(ids)), now=now)


def _has_package() -> Q:
    """As `App.package_for` finds it."""
    of_channel = ChannelPackage.objects.filter(app=OuterRef("app"), channel__iexact=OuterRef("channel"))
    android = ~Q(app__android_package="") | Q(Exists(of_channel))
    return Q(os="ios") & ~Q(app__ios_bundle="") | Q(os="android") & android


def _due(now: datetime) -> dict[str, object]:
    return {
        "state": State.PENDING,
        "due_at": now,
        "give_up_at": now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    }
