"""The Celery application. Tasks live in each app's `tasks.py`; the schedule is in the settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("rivermouth")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Celery sets up its own loggers unless this signal has a receiver; ours come from Django's settings."""
