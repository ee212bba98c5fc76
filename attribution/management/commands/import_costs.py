"""`manage.py import_costs [--from DAY --to DAY]`: fetch ad costs now."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from attribution.costs import importing
from attribution.costs.amounts import yuan_of
from attribution.models import CostAccount, CostImport


class Command(BaseCommand):
    help = "Import the costs of every connected account now; prints a line for each. Exits with 1 if any failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="since", type=_day, metavar="DAY", help="YYYY-MM-DD; by default 8 days ago")
        parser.add_argument("--to", dest="until", type=_day, metavar="DAY", help="YYYY-MM-DD; by default today")

    def handle(self, *, since: date | None, until: date | None, **options: Any) -> None:
        usual_since, today = importing.window(timezone.now())
        until = min(until or today, today)
        since = since or min(usual_since, until)
        if since > until:
            raise CommandError(f"--from {since} is after --to {until}.")
        total = CostAccount.objects.filter(is_enabled=True).count()
        imports = []
        for log in importing.import_all(since=since, until=until):
            imports.append(log)
            self.stdout.write(f"{len(imports)}/{total} {_said(log)}")
            self.stdout.flush()
        self._sum_up(imports, total)

    def _sum_up(self, imports: list[CostImport], total: int) -> None:
        failed = sum(bool(log.problem) for log in imports)
        others = f", {total - len(imports)} left to another import" if len(imports) < total else ""
        self.stderr.write(f"{len(imports) - failed} accounts imported, {failed} failed{others}")
        if not total:
            self.stderr.write("No account is connected: see Ad costs in the admin.")
        if failed:
            raise SystemExit(1)


def _said(log: CostImport) -> str:
    account = f"{log.account.platform} {log.account.advertiser_id} {log.account.name}".rstrip()
    if log.problem:
        return f"{account}: {log.problem}"
    before, after = (sum(change[name] for change in log.changes) for name in ("before", "after"))
    changed = f", {len(log.changes)} days changed: ¥{yuan_of(before)} → ¥{yuan_of(after)}" if log.changes else ""
    return f"{account}: {log.since} – {log.until}, {log.ads} ads and days{changed}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise ArgumentTypeError(f"{text!r} is not a valid date. Use YYYY-MM-DD.") from err
