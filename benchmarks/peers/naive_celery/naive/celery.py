"""The Celery app, with Celery's defaults."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "naive.settings")

app = Celery("naive", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
app.autodiscover_tasks(["naive"])
