"""`manage.py purge`: delete whatever is past its retention."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from foundation.hooks.upkeep import purge


class Command(BaseCommand):
    help = "Delete everything that is past its retention (settings *_RETENTION_DAYS). It can be stopped and run again."

    def handle(self, **options: Any) -> None:
        for name, count in purge.run(timezone.now()):
            self.stdout.write(f"{name}: {count}")
