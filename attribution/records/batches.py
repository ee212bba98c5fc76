"""People's actions on send records, one or a million: in batches, each committed together with the position reached.

Small actions are finished before the page answers. A worker does the rest, and every sweep picks up actions that a dead
worker left unfinished.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qs

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet

from attribution.models import Conversion
from attribution.models.bulk_actions import BulkAction
from attribution.records import actions, filtering
from foundation.database.keyset import Place, after

logger = logging.getLogger(__name__)

# Rows per transaction, which takes a fraction of a second, so that deliveries hardly wait for it.
BATCH_ROWS = 1000

Kind = BulkAction.Kind
Act: TypeAlias = Callable[[QuerySet[Conversion]], int]

# The states in which an action makes sense. Rows that a worker is sending are left alone as well.
SENSIBLE: dict[Kind, Q] = {
    Kind.RESEND: actions.RESENDABLE,
    Kind.HOLD: actions.HOLDABLE,
    Kind.RELEASE: actions.RELEASABLE,
    Kind.GIVE_UP: actions.OPEN,
}


class Progress(NamedTuple):
    """The number of actions resumed, and whether time sufficed for all of them."""

    actions: int
    is_all: bool


def sensible(kind: Kind, query: str) -> QuerySet[Conversion]:
    """The records that the address asks for and that the action can change. Raises: `FilterError`."""
    parameters = parse_qs(query)
    rows: QuerySet[Conversion] = filtering.CONVERSIONS.apply(parameters).filter(SENSIBLE[kind])
    is_by_hand = "id" in parameters
    return rows.exclude(actions.MAY_COUNT_TWICE) if kind == Kind.RESEND and not is_by_hand else rows


def ask(kind: Kind, query: str, *, by: AbstractBaseUser, reason: str, now: datetime) -> BulkAction:
    """Record what is to be done. Raises: `FilterError`."""
    sensible(kind, query)
    return BulkAction.objects.create(kind=kind, query=query, reason=reason[:255], asked_by=by, asked_at=now)  # type: ignore[misc]  # the project's users


def resume(action_id: int, *, budget_s: float, now: datetime) -> BulkAction:
    """Work on the action until it is finished or time is up. One process at a time; others return at once."""
    stop_at = time.monotonic() + budget_s
    while _do_batch(action_id, now) and time.monotonic() < stop_at:
        pass
    return BulkAction.objects.select_related("asked_by").get(pk=action_id)


def resume_all(*, budget_s: float, now: datetime) -> Progress:
    """Resume unfinished actions, the oldest first."""
    stop_at = time.monotonic() + budget_s
    action_ids = list(BulkAction.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True))
    for done, action_id in enumerate(action_ids):
        if time.monotonic() >= stop_at:
            return Progress(done, is_all=False)
        try:
            resume(action_id, budget_s=stop_at - time.monotonic(), now=now)
        except Exception:  # it must not block the others; its page can stop it
            logger.exception("Bulk action %d broke", action_id)
    return Progress(len(action_ids), is_all=time.monotonic() < stop_at)


def stop(action_id: int, *, now: datetime) -> None:
    """Stop between two batches; what was done stays done."""
    BulkAction.objects.filter(pk=action_id, finished_at=None).update(finished_at=now, is_stopped=True)


def _do_batch(action_id: int, now: datetime) -> bool:
    """Returns whether there may be more to do."""
    with transaction.atomic():
        unfinished = BulkAction.objects.filter(pk=action_id, finished_at=None)
        action = unfinished.select_related("asked_by").select_for_update(skip_locked=True, of=("self",)).first()
        if action is None:
            return False
        found = _next_rows(action)
        if found:
            changed = _act(action, now)(Conversion.objects.filter(pk__in=[pk for _at, pk in found]))
            reached_at, reached_id = found[-1]
            action.note_batch(seen=len(found), changed=changed, reached_at=reached_at, reached_id=reached_id)
        if len(found) < BATCH_ROWS:
            action.mark_finished(now)
        return len(found) == BATCH_ROWS


def _next_rows(action: BulkAction) -> list[Place]:
    """Newest first, and only records that existed when the action was requested: each record is visited once."""
    parameters = parse_qs(action.query)
    moment = filtering.CONVERSIONS.moment(parameters)
    rows = sensible(Kind(action.kind), action.query).filter(received_at__lte=action.asked_at)
    reached = (action.reached_at, action.reached_id) if action.reached_at and action.reached_id else None
    return list(after(rows, moment, reached).values_list(moment, "pk")[:BATCH_ROWS])


def _act(action: BulkAction, now: datetime) -> Act:
    """The verb of `conversions` that the action stands for."""
    acts: dict[str, Act] = {
        Kind.RESEND: lambda rows: actions.resend(rows, by=action.asked_by, reason=action.reason, now=now),
        Kind.HOLD: lambda rows: actions.hold(rows, detail=action.signature),
        Kind.RELEASE: lambda rows: actions.release(rows, now=now),
        Kind.GIVE_UP: lambda rows: actions.give_up(rows, detail=action.signature, now=now),
    }
    return acts[action.kind]
