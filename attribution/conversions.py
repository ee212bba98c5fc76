"""What people do with conversions: send them again, hold them, let them go. Nothing here talks to the network."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet

from attribution import nudging
from attribution.models import Conversion, Destination, State

# What a worker has in its hands right now is left alone: its result would be lost.
IDLE = Q(lease_token=None)
# At once; the rest follows with the next sweep.
RELEASED_AT_ONCE = 10_000


def resend(rows: QuerySet[Conversion], *, by: AbstractBaseUser, reason: str, now: datetime) -> int:
    """Try these again with a fresh budget and the same body; the next attempt says by whom and why.

    Whatever their state: a person who knows more than we do decides. An organic one is asked about again. Returns how
    many there were.
    """
    count = rows.filter(IDLE).update(
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


def hold(rows: QuerySet[Conversion]) -> int:
    """Take out of the queue what is in it, until a person releases it. Returns how many there were."""
    return rows.filter(IDLE, due_at__isnull=False).update(state=State.HELD, reason="by_hand", detail="", due_at=None)


def release(rows: QuerySet[Conversion], *, now: datetime) -> int:
    """Put what is held back into the queue. Returns how many there were."""
    count = rows.filter(IDLE, state=State.HELD).update(**_due(now), reason="", detail="")
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
    return Q(os="ios") & ~Q(app__ios_bundle="") | Q(os="android") & ~Q(app__android_package="")


def _due(now: datetime) -> dict[str, object]:
    return {
        "state": State.PENDING,
        "due_at": now,
        "give_up_at": now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    }
