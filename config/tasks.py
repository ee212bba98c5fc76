"""The project's own task."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from config import health


@shared_task(name="config.heartbeat")
def heartbeat() -> None:
    """Beat queues it, so its trace in Redis shows that beat, broker and a worker all run."""
    health.note_worker_alive()


@worker_ready.connect
def _note_start(**kwargs: Any) -> None:
    """A worker that has just started takes work; nobody needs to wait for beat to find out."""
    health.note_worker_alive()
