"""`manage.py verify_stats`: do the statistics agree with the rows?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from attribution.statistics import summing


class Command(BaseCommand):
    help = "Sum the last days again and print every difference from the statistics. Exits with 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=summing.VERIFIED_DAYS, help="number of days, including today")
        parser.add_argument("--repair", action="store_true", help="also correct the differences")

    def handle(self, *, days: int, repair: bool, **options: Any) -> None:
        now = timezone.now()
        count = 0
        for difference in summing.repair(days=days, now=now) if repair else summing.verify(days=days, now=now):
            self.stdout.write(str(difference))
            count += 1
        if count:
            self.stderr.write(f"{count} differences{', repaired' if repair else ''}")
            raise SystemExit(1)
        self.stderr.write(f"{days} days: no difference")
