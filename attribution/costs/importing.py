"""Imports costs from the platforms' reports: each advertiser's last days, repeatedly, since figures change for days.

For each advertiser: claim its row, read the whole report, then replace day by day, each day in a separate transaction.
So an import may be killed at any moment: a day has either its old or its new costs, never half of each.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution.authorising import refreshing
from attribution.authorising.refreshing import AuthorisationLostError
from attribution.costs import connecting, naming, replacing, sources
from attribution.models import Authorisation, CostAccount, CostImport
from attribution.platforms.cost_source import CostError, CostReport, Remedy

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
T = TypeVar("T")

# How long an import owns its account; it keeps renewing the lease.
LEASE = timedelta(minutes=10)
# The longest span of one request; the platforms' own limit is 30 days.
MAX_SPAN = timedelta(days=8)
# When to retry an account after a failed import, by remedy. A person may fix it at any time.
AGAIN_AFTER = {
    Remedy.RETRY: timedelta(minutes=10),
    Remedy.REFRESH: timedelta(hours=1),  # refused twice, with a new token in between
    Remedy.AUTHORISE: timedelta(hours=1),
    Remedy.OPERATOR: timedelta(hours=1),
    Remedy.SKIP: timedelta(hours=6),
    Remedy.STOP: timedelta(hours=6),
}
ACCOUNTS_READ_EVERY = timedelta(days=1)


def import_due(*, budget_s: float, clock: Clock = timezone.now) -> bool:
    """Import the accounts that are due; returns whether all of them were imported. Several processes may run this."""
    give_up_at = time.monotonic() + budget_s
    _read_accounts_of_all(clock)
    while time.monotonic() < give_up_at:
        account = _claim_due(clock())
        if account is None:
            return True
        since, until = window(clock())
        import_account(account, since=since, until=until, clock=clock)
    return False


def import_all(*, since: date, until: date, clock: Clock = timezone.now) -> Iterator[CostImport]:
    """Import every account now, due or not, except those that another process is importing."""
    for account in CostAccount.objects.filter(is_enabled=True).order_by("platform", "advertiser_id"):
        if _claim(account, clock()):
            yield import_account(account, since=since, until=until, clock=clock)


def window(now: datetime) -> tuple[date, date]:
    """The days that every import covers."""
    today = timezone.localdate(now)
    return today - timedelta(days=settings.COST_IMPORT_DAYS - 1), today


def import_account(account: CostAccount, *, since: date, until: date, clock: Clock) -> CostImport:
    """Import one claimed account. Any problem is noted in the returned log, and on the account."""
    log = CostImport.objects.create(account=account, began_at=clock(), since=since, until=until)
    try:
        for first, last in _spans(since, until):
            report = _report(account, first, last, clock)
            _replace_days(account, log, report, first, last, clock)
    except AuthorisationLostError as err:
        log.problem = _("Authorise again: %(why)s") % {"why": err}
        _release(account, log, due_at=clock() + AGAIN_AFTER[Remedy.AUTHORISE])
    except CostError as err:
        log.problem = str(err)
        _release(account, log, due_at=_due_again(account, err, clock()))
    else:
        account.imported_at = clock()
        _release(account, log, due_at=clock() + timedelta(seconds=settings.COST_IMPORT_INTERVAL_S))
    log.finished_at = clock()
    log.save(update_fields=["finished_at", "problem"])
    return log


def with_token(authorisation_id: int, platform: str, call: Callable[[str], T], *, clock: Clock) -> T:
    """Call with an access token; if the platform rejects it, call once more with a new one."""
    refresh = sources.source_of(platform).refreshed
    token = refreshing.access_token(authorisation_id, refresh, clock=clock)
    try:
        return call(token)
    except CostError as err:
        if err.remedy is not Remedy.REFRESH:
            raise
    return call(refreshing.access_token(authorisation_id, refresh, clock=clock, refused=token))


def _spans(since: date, until: date) -> Iterator[tuple[date, date]]:
    while since <= until:
        last = min(until, since + MAX_SPAN - timedelta(days=1))
        yield since, last
        since = last + timedelta(days=1)


def _report(account: CostAccount, since: date, until: date, clock: Clock) -> CostReport:
    source = sources.source_of(account.platform)

    def ask(token: str) -> CostReport:
        return source.costs(token, account.advertiser_id, since=since, until=until)

    return with_token(account.authorisation_id, account.platform, ask, clock=clock)


def _replace_days(
    account: CostAccount, log: CostImport, report: CostReport, since: date, until: date, clock: Clock
) -> None:
    for n in range((until - since).days + 1):
        day = since + timedelta(days=n)
        ad_days = [ad_day for ad_day in report.ad_days if ad_day.day == day]
        change = replacing.replace_day(account, day, ad_days, now=clock())
        if change:
            naming.note_names(account.platform, day, ad_days)
        log.ads += len(ad_days)
        log.changes += [change] if change else []
        log.note = report.note
        log.save(update_fields=["ads", "changes", "note"])
        CostAccount.objects.filter(pk=account.pk).update(claimed_until=clock() + LEASE)


def _claim_due(now: datetime) -> CostAccount | None:
    due = CostAccount.objects.filter(_free(now), is_enabled=True, due_at__lte=now, authorisation__lost_because="")
    with transaction.atomic():
        account = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at").first()
        if account:
            CostAccount.objects.filter(pk=account.pk).update(claimed_until=now + LEASE)
    return account


def _claim(account: CostAccount, now: datetime) -> bool:
    return CostAccount.objects.filter(_free(now), pk=account.pk).update(claimed_until=now + LEASE) == 1


def _free(now: datetime) -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=now)


def _release(account: CostAccount, log: CostImport, *, due_at: datetime) -> None:
    account.problem, account.due_at, account.claimed_until = log.problem, due_at, None
    account.save(update_fields=["problem", "due_at", "claimed_until", "imported_at"])


def _due_again(account: CostAccount, err: CostError, now: datetime) -> datetime:
    if err.remedy is not Remedy.TOMORROW:
        return now + AGAIN_AFTER[err.remedy]
    tomorrow = timezone.localtime(now).replace(hour=0, minute=5, second=0, microsecond=0) + timedelta(days=1)
    # Our whole app has used up its calls for the day: calls for the other accounts would only be refused.
    others = CostAccount.objects.filter(platform=account.platform, due_at__lt=tomorrow)
    others.update(due_at=tomorrow, problem=str(err))
    return tomorrow


def _read_accounts_of_all(clock: Clock) -> None:
    """Makes advertisers that joined an agency appear automatically, within a day."""
    before = clock() - ACCOUNTS_READ_EVERY
    stale = Authorisation.objects.filter(Q(accounts_read_at=None) | Q(accounts_read_at__lt=before), lost_because="")
    for authorisation in stale.order_by(F("accounts_read_at").asc(nulls_first=True)):
        # Noted before the accounts are read, so that a failure is not repeated every minute.
        Authorisation.objects.filter(pk=authorisation.pk).update(accounts_read_at=clock())
        try:
            connecting.read_accounts(authorisation, clock=clock)
        except (CostError, AuthorisationLostError) as err:
            logger.warning("The accounts of authorisation %s could not be read: %s", authorisation.pk, err)
