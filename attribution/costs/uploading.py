"""Uploads of cost files: kept for review, and stored when someone confirms them; completely or not at all."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from attribution.costs import serializers, storage
from attribution.costs.sheets import Sheet
from attribution.models import AdCost, CostUpload

# Long enough to review a file and ask a colleague; `purge` deletes uploads that nobody confirmed.
CONFIRM_WITHIN = timedelta(days=1)


class NotConfirmableError(Exception):
    """The upload has already been confirmed, or waited too long."""


def keep(sheet: Sheet, *, file_name: str, user_id: int | None, now: datetime) -> CostUpload:
    """Keep the lines of a sheet without errors until they are confirmed."""
    return CostUpload.objects.create(
        file_name=file_name[:255],
        uploaded_by_id=user_id,
        uploaded_at=now,
        items=list(sheet.items.values()),
        rows=len(sheet.items),
        cost_centifen=sum(fields["cost_centifen"] for fields in sheet.costs.values()),
    )


def confirm(upload_id: int, *, now: datetime) -> CostUpload:
    """Store the upload's lines in one transaction.

    Raises: `NotConfirmableError`; `ValidationError` if a platform has been removed.
    """
    with transaction.atomic():
        fresh = CostUpload.objects.filter(confirmed_at=None, uploaded_at__gt=now - CONFIRM_WITHIN)
        upload = fresh.select_for_update().filter(pk=upload_id).first()
        if upload is None:
            raise NotConfirmableError
        items: list[dict[str, Any]] = upload.items
        storage.replace(map(serializers.read, items), source=AdCost.Source.UPLOAD, now=now)
        upload.items, upload.confirmed_at = [], now
        upload.save(update_fields=["items", "confirmed_at"])
    return upload


def forget_unconfirmed(now: datetime) -> int:
    """Delete the uploads that nobody confirmed; returns how many."""
    count, _by_model = CostUpload.objects.filter(confirmed_at=None, uploaded_at__lt=now - CONFIRM_WITHIN).delete()
    return count
