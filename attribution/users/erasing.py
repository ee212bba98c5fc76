"""One user is erased: what is personal goes, and rows stay under an id that leads to nobody, so that sums stay.

1. At once, in one transaction: nothing of the user is sent any more, the ad has nothing of the user, and the earlier
   ids are forgotten. Whatever is posted afterwards begins afresh.
2. Record by record, in batches that commit one by one; the other job does the same with its rows.
3. The `Erasure` row says that there is more to do, and under which id. Killed in between, the sweep or the next call
   goes on. If a worker held records of the user, the row stays until that worker can write nothing any more, and the
   sweep removes what its answer may have brought.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import CharField, Exists, F, Func, OuterRef, Q, UUIDField
from django.db.models.functions import Cast, Coalesce

from attribution.announcing import live_feed
from attribution.clicks import storage
from attribution.clicks.columns import ID_COLUMNS
from attribution.clicks.matching import Kind
from attribution.devices.device_ids import DecryptionError
from attribution.models import (
    Attempt,
    Attribution,
    Click,
    Conversion,
    EarlierAttribution,
    Erasure,
    State,
    UserAlias,
)
from attribution.models.users import users_in
from attribution.statistics import user_keys
from attribution.users.aliasing import locked
from foundation.hooks import users
from foundation.hooks.users import Counts, Erasing

logger = logging.getLogger(__name__)

BATCH_ROWS = 1000
# After this time nobody is working on it any more: a request is not allowed to take that long.
ABANDONED_AFTER = timedelta(minutes=10)
# Stands where a row needs a callback, which is the platform's name for this user's click.
NO_CALLBACK = "erased"
NO_CLICK_IDS: Mapping[str, object] = {
    "oaid_digest": None, "android_id_digest": None, "imei_digest": None, "idfa_digest": None, "caid_digests": [],
    "ip_ua_digest": None, "ipv6_ua_digest": None, "request_id": "", "track_id": "", "device_model": "",
    "callback_param": "", "callback_url": "", "raw": "",
}  # fmt: skip


def erase(app_id: int, user_id: str, *, has_chats_without_app: bool, now: datetime) -> Counts:
    """Erase the user to whom this id belongs; returns how many rows were erased, by kind. Zeros: there was nothing."""
    erasure, counts = _begin(app_id, user_id, has_chats_without_app, now)
    return Counter(counts) + Counter(_go_on(erasure, now))


def go_on(now: datetime) -> int:
    """Finish what was interrupted, and tidy up behind workers; returns how many users."""
    abandoned = Erasure.objects.filter(ended_at=None, began_at__lt=now - ABANDONED_AFTER)
    over = Erasure.objects.filter(ended_at__lt=now - 2 * timedelta(seconds=settings.CONVERSION_LEASE_S))
    unfinished, leftover = list(abandoned), list(over)
    for erasure in unfinished:
        _go_on(erasure, now)
    for erasure in leftover:
        _tidy_up(erasure)
    return len(unfinished) + len(leftover)


def erase_records(erasing: Erasing) -> Counts:
    """The records of the user, with their attempts and their device's clicks."""
    counts: Counter[str] = Counter()
    rows = Conversion.objects.filter(
        app_id=erasing.app_id, user_id__in=erasing.user_ids, received_at__lte=erasing.until
    )
    while batch := list(rows.only("id", "app_id", "user_id", "device", "os", "is_test")[:BATCH_ROWS]):
        with transaction.atomic():
            counts.update(_erase_batch(batch, erasing))
    for user_id in erasing.user_ids:
        others = Conversion.objects.filter(app_id=erasing.app_id, reason="callback_already_used")
        others.filter(detail=f"User {user_id} was activated with it").update(detail="")
    return counts


def _begin(app_id: int, user_id: str, has_chats_without_app: bool, now: datetime) -> tuple[Erasure, Mapping[str, int]]:
    with transaction.atomic():
        locked(app_id)
        user_id = UserAlias.objects.owner(app_id, user_id)
        aliases = UserAlias.objects.filter(app_id=app_id, user_id=user_id)
        previous_ids = list(aliases.values_list("previous_id", flat=True))
        erasure, is_new = Erasure.objects.get_or_create(
            app_id=app_id,
            user_id=user_id,
            ended_at=None,
            defaults={
                "previous_ids": previous_ids,
                "anonymous_id": new_anonymous_id(),
                "has_chats_without_app": has_chats_without_app,
                "began_at": now,
            },
        )
        if not is_new:  # go on, with all that has come since
            erasure.previous_ids, erasure.began_at = sorted({*erasure.previous_ids, *previous_ids}), now
            erasure.save(update_fields=["previous_ids", "began_at"])
        aliases.delete()
        _stop(erasure, now)
        counts = _erase_attributions(erasure)
        transaction.on_commit(live_feed.announce_change)
        return erasure, {**counts, "previous_ids": len(previous_ids)}


def _go_on(erasure: Erasure, now: datetime) -> Counts:
    erasing = Erasing(
        app_id=erasure.app_id,
        user_ids=erasure.user_ids,
        anonymous_id=erasure.anonymous_id,
        has_chats_without_app=erasure.has_chats_without_app,
        until=erasure.began_at,
    )
    counts = users.erase(erasing)
    with transaction.atomic():
        user_keys.change(erasure.app_id, erasure.user_ids, into=erasure.anonymous_id)
        row = Erasure.objects.filter(pk=erasure.pk)  # another call may have ended it
        row.filter(was_in_flight=True).update(ended_at=now)
        row.filter(was_in_flight=False).delete()
    logger.info("A user of app %d was erased: %s", erasure.app_id, dict(counts))
    return counts


def new_anonymous_id() -> str:
    return f"erased-{uuid.uuid4().hex}"


def _stop(erasure: Erasure, now: datetime) -> None:
    """Nothing of the user is sent from here on: a worker sends no report of a row that is no longer its own."""
    rows = Conversion.objects.filter(app_id=erasure.app_id, user_id__in=erasure.user_ids)
    if rows.filter(lease_token__isnull=False).exists():
        erasure.was_in_flight = True
        erasure.save(update_fields=["was_in_flight"])
    rows.filter(state__in=[State.PENDING, State.HELD]).update(
        state=State.SKIPPED, reason="erased", detail="", due_at=None, lease_token=None, finished_at=now
    )
    rows.filter(Q(due_at__isnull=False) | Q(lease_token__isnull=False)).update(due_at=None, lease_token=None)


def _erase_attributions(erasure: Erasure) -> dict[str, int]:
    mine = {"app_id": erasure.app_id, "user_id__in": erasure.user_ids}
    clicks = 0
    rows = list(Attribution.objects.filter(**mine).select_for_update(of=("self",)).order_by("pk"))
    for row in rows:
        clicks += Click.objects.filter(pk=row.click_id).exclude(raw="").update(**NO_CLICK_IDS) if row.click_id else 0
        row.callback_param, row.detail, row.click = NO_CALLBACK if row.is_attributed else "", "", None
        row.user_id = erasure.anonymous_id if row.user_id == erasure.user_id else new_anonymous_id()
        row.save(update_fields=["callback_param", "detail", "click", "user_id"])
    EarlierAttribution.objects.filter(**mine).update(
        user_id=erasure.anonymous_id, callback_param=NO_CALLBACK, detail=""
    )
    return {"attributions": len(rows), "clicks": clicks}


def _erase_batch(batch: list[Conversion], erasing: Erasing) -> dict[str, int]:
    ids = [row.pk for row in batch]
    clicks = _erase_clicks(batch, erasing.app_id)
    attempts = Attempt.objects.filter(conversion__in=ids).update(request="", response="", message="", resend_reason="")
    tests = Attribution.objects.filter(users_in({row.asked_as for row in batch if row.is_test}))
    tests.update(click=None, detail="")
    tests.filter(is_attributed=True).update(callback_param=NO_CALLBACK)
    kind = ContentType.objects.get_for_model(Conversion)
    LogEntry.objects.filter(content_type=kind, object_id__in=list(map(str, ids))).update(object_repr="")
    events = Conversion.objects.filter(pk__in=ids).update(
        user_id=erasing.anonymous_id,
        dedup_key=Func(function="gen_random_uuid", output_field=UUIDField()),
        outer_event_id=Cast("id", CharField()),
        properties=None,
        device="",
        device_digest=None,
        body="",
        detail="",
        resend_by=None,
        resend_reason="",
        finished_at=Coalesce(F("finished_at"), erasing.until),
    )
    return {"events": events, "attempts": attempts, "clicks": clicks}


def _erase_clicks(batch: list[Conversion], app_id: int) -> int:
    """The clicks of the user's devices, by their ids. Addresses are shared by thousands."""
    digests: dict[Kind, set[bytes]] = {}
    for row in batch:
        try:
            device = storage.device_of(row.device_ids)
        except DecryptionError:
            continue
        for kind, found in device.digests.items():
            digests.setdefault(kind, set()).update(found)
    wanted = Q(pk__in=[])
    for kind, column in ID_COLUMNS.items():
        if kind in digests:
            lookup = "overlap" if kind is Kind.CAID else "in"
            wanted |= Q(**{f"{column}__{lookup}": list(digests[kind])})
    return Click.objects.filter(wanted, app_id=app_id).update(**NO_CLICK_IDS) if digests else 0


def _tidy_up(erasure: Erasure) -> None:
    """What a worker brought that held records of the user. Events that were posted afterwards are left alone."""
    with transaction.atomic():
        Attempt.objects.filter(
            conversion__in=Conversion.objects.filter(app_id=erasure.app_id, user_id=erasure.anonymous_id)
        ).update(request="", response="", message="")
        fresh = Conversion.objects.filter(app_id=OuterRef("app_id"), user_id=OuterRef("user_id"))
        stray = Attribution.objects.filter(~Exists(fresh), app_id=erasure.app_id, user_id__in=erasure.user_ids)
        for row in stray:
            row.user_id, row.detail, row.click = new_anonymous_id(), "", None
            row.callback_param = NO_CALLBACK if row.is_attributed else ""
            row.save(update_fields=["callback_param", "detail", "click", "user_id"])
        erasure.delete()
