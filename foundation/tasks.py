"""The project's own tasks: a sign of life, and the upkeep that apps have registered."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone

from foundation.hooks import upkeep
from foundation.serving import health


@shared_task(name="config.heartbeat")
def heartbeat() -> None:
    """Queued by beat, so its trace in Redis shows that beat, the broker and a worker all run."""
    health.note_beat_alive()


@shared_task(name="config.sweep")
def sweep() -> None:
    """Repair whatever was left unfinished; `manage.py sweep` does this by hand."""
    for _name, _count in upkeep.sweep.run(timezone.now()):
        pass


@shared_task(name="config.purge")
def purge() -> None:
    """Delete whatever has expired; `manage.py purge` does this by hand."""
    for _name, _count in upkeep.purge.run(timezone.now()):
        pass


@worker_ready.connect
def _note_start(**kwargs: Any) -> None:
    """A worker that has just started is ready for work; no need to wait for beat to notice."""
    health.note_worker_alive()
