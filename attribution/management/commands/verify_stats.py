"""`manage.py verify_stats`: are the statistics what the rows say?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from attribution.statistics import summing


class Command(BaseCommand):
    help = "Sum the last days again, print every difference to the statistics, and exit with 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=summing.VERIFIED_DAYS, help="today and those before it")
        parser.add_argument("--repair", action="store_true", help="also put right what is wrong")

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
