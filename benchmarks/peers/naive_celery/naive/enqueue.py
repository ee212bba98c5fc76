# mypy: ignore-errors
# Another Django project: mypy's plugin knows one at a time.
"""`python -m naive.enqueue NAME COUNT`: rows and their tasks."""

import os
import secrets
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "naive.settings")
django.setup()

from naive.celery import app  # noqa: E402, F401  # the tasks' app
from naive.models import Conversion  # noqa: E402
from naive.tasks import report  # noqa: E402


def main(name, count):
    rows = Conversion.objects.bulk_create(
        Conversion(
            user_id=f"{name}-{number}",
            event="active",
            android_id=secrets.token_hex(8),
            outer_event_id=f"{name}-{number}",
        )
        for number in range(count)
    )
    for row in rows:
        report.delay(row.pk)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
