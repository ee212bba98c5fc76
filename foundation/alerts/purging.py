"""Deletes what has passed its retention: incidents, with the log of their messages."""

from datetime import datetime, timedelta

from django.conf import settings

from foundation.alerts.models import Incident

BATCH_ROWS = 500


def delete_incidents(now: datetime) -> int:
    """Delete those that ended `ALERT_RETENTION_DAYS` ago, in batches that commit one by one. Returns their number."""
    expired = Incident.objects.filter(ended_at__lt=now - timedelta(days=settings.ALERT_RETENTION_DAYS))
    count = 0
    while batch := list(expired.order_by("began_at").values_list("pk", flat=True)[:BATCH_ROWS]):
        Incident.objects.filter(pk__in=batch).delete()
        count += len(batch)
    return count
