"""The rows of attribution follow a user who gets another id.

- Records: all of them. What counts once per user has the user in its key, so the keys change as well. If both ids have
  the same once-only event, one record stays: the reported one, else one whose report may have been sent, else the
  earlier one. The other is skipped, or stays reported if it was, with the reason `same_user`, and does not count.
- The ad: that of the id which has one; if both have one, that of the earlier activation. The other answer stays under
  the earlier id, as an empty row: a worker that holds one of the records may still refer to it, and no index would find
  the records that do.
- What was not reported is tried again: the ids and the ad of both are one user's now.
"""

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet

from attribution.delivery import returns
from attribution.events.reported import SAME_USER, dedup_key, name_of
from attribution.models import Attribution, Conversion, EarlierAttribution, State
from attribution.platforms.platform import Ad
from attribution.statistics import user_keys
from foundation.database import bulk
from foundation.hooks.users import Counts, Renaming

SEEN_FIELDS = [
    "id", "app_id", "user_id", "dedup_key", "event", "app_event", "rule", "occurred_at", "state", "reason", "detail",
    "body", "due_at", "lease_token", "finished_at",
]  # fmt: skip
REPEATED_FIELDS = ["dedup_key", "state", "reason", "detail", "due_at", "lease_token", "finished_at"]


def move(renaming: Renaming) -> Counts:
    """Needs the transaction that stores the alias. Returns how many events, repeats among them, and answers moved."""
    records = _move_records(renaming)
    attributions = _move_attribution(renaming)
    EarlierAttribution.objects.filter(_of(renaming.previous_id, renaming)).update(user_id=renaming.user_id)
    if records["events"] or attributions:
        mine = Conversion.objects.filter(_of(renaming.user_id, renaming))
        user_keys.change(renaming.app_id, [renaming.previous_id], into=renaming.user_id)
        mine.revive(renaming.now)
    return {**records, "attributions": attributions}


def _of(user_id: str, renaming: Renaming) -> Q:
    return Q(app_id=renaming.app_id, user_id=user_id)


def _move_records(renaming: Renaming) -> dict[str, int]:
    moved = _locked(Conversion.objects.filter(_of(renaming.previous_id, renaming)))
    if not moved:
        return {"events": 0, "repeated_events": 0}
    new_keys = _new_keys(moved, renaming)
    of_user = {row.dedup_key: row for row in _locked(Conversion.objects.filter(dedup_key__in=new_keys.values()))}
    repeats = []
    for row in moved:
        key = new_keys.get(row.dedup_key)
        other = of_user.get(key) if key else None
        repeat = max(row, other, key=_rank) if other else None
        row.dedup_key = key or row.dedup_key
        if repeat:
            _mark_repeated(repeat, renaming)
            repeats.append(repeat)
        row.user_id = renaming.user_id
    if repeats:  # first, since they give up keys that others get
        bulk.update(repeats, REPEATED_FIELDS)
    bulk.update(moved, ["user_id", "dedup_key"])
    return {"events": len(moved), "repeated_events": len(repeats)}


def _locked(rows: QuerySet[Conversion]) -> list[Conversion]:
    """In one order, so that two who lock the same rows wait for each other instead of deadlocking."""
    return list(rows.only(*SEEN_FIELDS).select_for_update(of=("self",)).order_by("pk"))


def _new_keys(moved: Sequence[Conversion], renaming: Renaming) -> dict[uuid.UUID, uuid.UUID]:
    """The keys that have the user in them, and what they become; those of their returns for another ad as well."""
    keys = {}
    for row in moved:
        old, new = (
            dedup_key(app_id=row.app_id, user_id=user_id, event=name_of(row))
            for user_id in (renaming.previous_id, renaming.user_id)
        )
        if row.dedup_key == old:
            keys[old] = new
    if any(row.rule == returns.RULE for row in moved):
        found_at = list(
            Attribution.objects.filter(_of(renaming.previous_id, renaming)).values_list("attributed_at", flat=True)
        )
        keys |= {returns.key(old, at): returns.key(new, at) for old, new in keys.items() for at in found_at}
    return keys


def _rank(row: Conversion) -> tuple[object, ...]:
    """The record with the lowest rank stays."""
    return row.state != State.REPORTED, not row.body, row.occurred_at, row.pk


def _mark_repeated(row: Conversion, renaming: Renaming) -> None:
    """A worker that holds the record can write nothing more into it."""
    row.dedup_key, row.lease_token, row.due_at = uuid.uuid4(), None, None
    row.reason, row.detail = SAME_USER, ""
    if row.state != State.REPORTED:
        row.state, row.finished_at = State.SKIPPED, renaming.now


def _move_attribution(renaming: Renaming) -> int:
    ids = {renaming.previous_id, renaming.user_id}
    rows = Attribution.objects.filter(app_id=renaming.app_id, user_id__in=ids)
    found = {row.user_id: row for row in rows.select_for_update(of=("self",)).order_by("pk")}
    earlier, own = found.get(renaming.previous_id), found.get(renaming.user_id)
    if earlier is None or earlier.reason == SAME_USER:
        return 0
    if own is None:
        _rename([earlier], [renaming.user_id])
        return 1
    kept = min(earlier, own, key=lambda row: (not row.is_attributed, row.activated_at, row.pk))
    given_up = own if kept is earlier else earlier
    kept.activated_at = min(earlier.activated_at, own.activated_at)
    kept.save(update_fields=["activated_at"])
    _clear(given_up)
    if kept is earlier:
        # The unique index allows no direct swap.
        _rename([own, kept, own], [str(uuid.uuid4()), renaming.user_id, renaming.previous_id])
    records = Conversion.objects.filter(_of(renaming.user_id, renaming), attribution=given_up.pk)
    records.update(attribution=kept)
    return 1


def _rename(rows: Iterable[Attribution], user_ids: Iterable[str]) -> None:
    for row, user_id in zip(rows, user_ids, strict=True):
        Attribution.objects.filter(pk=row.pk).update(user_id=user_id)


def _clear(row: Attribution) -> None:
    row.is_attributed, row.reason, row.detail, row.source = False, SAME_USER, "", ""
    row.callback_param, row.click, row.attributed_at, row.touched_at = "", None, None, None
    row.click_to_install_s, row.is_suspicious, row.platform = None, False, ""
    for name in Ad.__struct_fields__:
        setattr(row, name, getattr(Attribution(), name))
    row.save(force_update=True)
