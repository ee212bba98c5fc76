"""The project's own task."""

from celery import shared_task

from config import health


@shared_task(name="config.heartbeat")
def heartbeat() -> None:
    """Beat queues it, so its trace in Redis shows that beat, broker and a worker all run."""
    health.note_worker_alive()
