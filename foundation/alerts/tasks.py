"""Celery's way in: sending, apart from the sweep that decides what is sent."""

from celery import shared_task
from django.utils import timezone

from foundation.alerts import rounds, sending


@shared_task(name=rounds.TASK)
def send() -> None:
    """Queued by the sweep as long as something waits. May run twice and side by side: channels are claimed."""
    sending.send_all(clock=timezone.now)
