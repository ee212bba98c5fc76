"""The Celery task for sending. Separate from the sweep, which decides what is sent."""

from celery import shared_task
from django.utils import timezone

from foundation.alerts import rounds, sending


@shared_task(name=rounds.TASK)
def send() -> None:
    """Queued by the sweep while notices wait. It may run twice and in parallel, since channels are claimed."""
    sending.send_all(clock=timezone.now)
