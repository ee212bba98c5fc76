"""Celery's way in. Tasks may run twice and side by side: rows are claimed, not passed."""

from celery import shared_task
from django.utils import timezone

from attribution import delivery, nudging

# Short enough for a worker that is asked to stop; what is left is queued anew.
BUDGET_S = 20


@shared_task(name="attribution.deliver")
def deliver() -> None:
    """Deliver due conversions; queued by each new one, and by beat."""
    if not delivery.deliver_due(budget_s=BUDGET_S, clock=timezone.now).is_all:
        nudging.nudge()
