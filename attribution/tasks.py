"""Celery's way in. Tasks may run twice and side by side: rows are claimed, not passed."""

from celery import shared_task
from django.utils import timezone

from attribution import delivery, nudging

BUDGET_S = 20


@shared_task(name="attribution.deliver")
def deliver() -> None:
    """Deliver due conversions; queued by each new one and by beat."""
    if delivery.deliver_due(budget_s=BUDGET_S, clock=timezone.now):
        nudging.nudge()
