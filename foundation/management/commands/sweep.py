"""`manage.py sweep`: one pass of what beat does, by hand."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from foundation.hooks.upkeep import sweep


class Command(BaseCommand):
    help = "Deal with what is due or was left behind: one pass, and what it did."

    def handle(self, **options: Any) -> None:
        for name, count in sweep.run(timezone.now()):
            self.stdout.write(f"{name}: {count}")
