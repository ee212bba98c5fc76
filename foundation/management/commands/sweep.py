"""`manage.py sweep`: one pass of the upkeep that beat runs, by hand."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from foundation.hooks.upkeep import sweep


class Command(BaseCommand):
    help = "Deal once with everything that is due or was left unfinished, and print what was done."

    def handle(self, **options: Any) -> None:
        for name, count in sweep.run(timezone.now()):
            self.stdout.write(f"{name}: {count}")
