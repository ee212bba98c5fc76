"""Deletes rows past their retention: clicks, device ids of finished conversions, attempts, conversions.

Each pass works in batches that commit one by one, so it can be stopped at any time and run again, and blocks nobody.
The settings `*_RETENTION_DAYS` say how long rows are kept.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Model, Q, QuerySet

from attribution.models import Attempt, Click, ClickKey, Conversion, CostImport, State

logger = logging.getLogger(__name__)

BATCH_ROWS = 2000

M = TypeVar("M", bound=Model)


def delete_clicks(now: datetime) -> int:
    """Delete old clicks. Attributions keep the ad that they copied from a click."""
    return _in_batches(Click.objects.all(), "received_at", _before(now, settings.CLICK_RETENTION_DAYS), _delete)


def delete_click_keys(now: datetime) -> int:
    """Delete the keys of old clicks, in one statement: the rows are narrow, and nobody waits for them."""
    count, _by_model = ClickKey.objects.filter(received_at__lt=_before(now, settings.CLICK_RETENTION_DAYS)).delete()
    return count


def erase_device_ids(now: datetime) -> int:
    """Erase the device ids of finished conversions, which then cannot be resent; their ad, state and amount stay.

    Conversions that are still to be sent (pending, held) keep their ids.
    """
    finished = Conversion.objects.filter(due_at=None).exclude(state__in=[State.PENDING, State.HELD])
    with_ids = finished.filter(~Q(device="") | ~Q(body="") | Q(device_digest__isnull=False))
    return _in_batches(with_ids, "received_at", _before(now, settings.DEVICE_ID_RETENTION_DAYS), _erase_device_ids)


def delete_attempts(now: datetime) -> int:
    return _in_batches(Attempt.objects.all(), "started_at", _before(now, settings.ATTEMPT_RETENTION_DAYS), _delete)


def delete_conversions(now: datetime) -> int:
    """Delete old conversions with their attempts. Conversions that are still to be sent stay."""
    finished = Conversion.objects.filter(due_at=None).exclude(state__in=[State.PENDING, State.HELD])
    return _in_batches(finished, "received_at", _before(now, settings.CONVERSION_RETENTION_DAYS), _delete)


def delete_cost_imports(now: datetime) -> int:
    """Delete only the log of imports: the costs stay."""
    return _in_batches(CostImport.objects.all(), "began_at", _before(now, settings.COST_IMPORT_RETENTION_DAYS), _delete)


def _before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _in_batches(rows: QuerySet[M], time: str, before: datetime, expire: Callable[[QuerySet[M]], object]) -> int:
    """Oldest first. Each batch starts where the previous one ended, instead of scanning the same rows again."""
    expired = rows.filter(**{f"{time}__lt": before}).order_by(time, "pk")
    count = 0
    batch = list(expired.values_list(time, "pk")[:BATCH_ROWS])
    while batch:
        expire(rows.model._default_manager.filter(pk__in=[key for _, key in batch]))
        count += len(batch)
        reached = batch[-1][0]
        logger.info("Purged %d rows of %s, up to %s", count, rows.model._meta.label, reached)
        batch = list(expired.filter(**{f"{time}__gte": reached}).values_list(time, "pk")[:BATCH_ROWS])
    return count


def _delete(rows: QuerySet[M]) -> None:
    rows.delete()


def _erase_device_ids(rows: QuerySet[Conversion]) -> None:
    rows.update(device="", device_digest=None, body="")
