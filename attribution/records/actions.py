"""What people do with conversions: send them again, hold them, let them go, give them up. No network here.

Each verb changes what it makes sense for and leaves the rest alone: it returns how many rows it has changed.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from attribution import nudging
from attribution.models import ChannelPackage, Conversion, Destination, State

# What a worker has in its hands right now is left alone: its result would be lost.
IDLE = Q(lease_token=None)
# A row that waits for somebody's resend already: another one would take its place, and the first would have no attempt.
WAITS_FOR_RESEND = Q(state=State.PENDING, resend_by__isnull=False)
# Its device ids were purged: nothing is left to send, and what became of it would be overwritten.
ERASED = Q(device="", body="")
RESENDABLE = IDLE & ~WAITS_FOR_RESEND & ~ERASED
# In the queue.
HOLDABLE = IDLE & Q(due_at__isnull=False)
RELEASABLE = IDLE & Q(state=State.HELD)
# Not settled: in the queue, or held until somebody releases it.
OPEN = HOLDABLE | RELEASABLE
# At once; the rest follows with the next sweep.
RELEASED_AT_ONCE = 10_000


def resend(rows: QuerySet[Conversion], *, by: AbstractBaseUser | None, reason: str, now: datetime) -> int:
    """Try these again with a fresh budget and the same body; the next attempt says by whom and why.

    Whatever their state: a person who knows more than we do decides. An organic one is asked about again. Left alone is
    only what is on its way, since each resend is to have an attempt of its own, and what has no device ids any more.
    """
    count = rows.filter(RESENDABLE).update(
        **_due(now),
        tries=0,
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
    """Take out of the queue what is in it, until a person releases it."""
    return rows.filter(HOLDABLE).update(state=State.HELD, reason="by_hand", detail=detail, due_at=None)


def give_up(rows: QuerySet[Conversion], *, detail: str = "", now: datetime) -> int:
    """Make dead letters of what is not settled: nothing tries them again but a resend."""
    return rows.filter(OPEN).update(state=State.FAILED, reason="by_hand", detail=detail, due_at=None, finished_at=now)


def release(rows: QuerySet[Conversion], *, now: datetime) -> int:
    """Put what is held back into the queue."""
    count = rows.filter(RELEASABLE).update(**_due(now), reason="", detail="")
    if count:
        transaction.on_commit(nudging.nudge)
    return count


def release_switched_on(now: datetime) -> int:
    """Release what waited for an app or a destination that is switched on again, or for a package that is known now."""
    enabled = Destination.objects.filter(is_enabled=True).exclude(key=Destination.ATTRIBUTION_QUERY)
    advertiser_ids = [int(key) for key in enabled.values_list("key", flat=True)]
    ready = (
        Q(reason="app_switched_off", app__is_reporting=True)
        | Q(reason="destination_switched_off", advertiser_id__in=advertiser_ids)
        | Q(reason="no_package") & _has_package()
    )
    if Destination.objects.filter(key=Destination.ATTRIBUTION_QUERY, is_enabled=True).exists():
        ready |= Q(reason="destination_switched_off", advertiser_id=None)
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
