"""Alerts about cost imports: accounts that fail for hours, and authorisations that are about to end."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from attribution.models import Authorisation, CostAccount
from attribution.platforms import registry
from foundation.hooks.alerts import Cause, Watch

# At most so many messages: more of them would say nothing new.
TOLD = 20


def _stale_accounts(threshold: int, now: datetime) -> Iterator[Cause]:
    """`threshold`: hours without a successful import. An account never imported counts from its first problem on."""
    before = now - timedelta(hours=threshold)
    failing = CostAccount.objects.exclude(problem="").filter(is_enabled=True, authorisation__lost_because="")
    stale = failing.filter(Q(imported_at=None) | Q(imported_at__lt=before))
    for account in stale.order_by("pk")[:TOLD]:
        since = account.imported_at
        yield Cause(
            key=str(account.pk),
            number=round((now - since).total_seconds() / 3600) if since else threshold,
            words={"account": str(account), "problem": account.problem},
            path=reverse("admin:attribution_costaccount_change", args=[account.pk]),
        )


def _ending_authorisations(threshold: int, now: datetime) -> Iterator[Cause]:
    """`threshold`: days left. Every refresh extends the time, so it only runs out if none succeeds."""
    ending = Q(refresh_expires_at__lt=now + timedelta(days=threshold)) | ~Q(lost_because="")
    for authorisation in Authorisation.objects.filter(ending).order_by("pk")[:TOLD]:
        ends_at = authorisation.refresh_expires_at
        yield Cause(
            key=str(authorisation.pk),
            words={
                "platform": authorisation.platform,
                "authorised": str(authorisation),
                "why": authorisation.lost_because or (f"{localtime(ends_at):%Y-%m-%d %H:%M}" if ends_at else "–"),
            },
            path=reverse("cost_connect", args=[authorisation.platform]),
        )


WATCHES = [
    Watch(
        kind="cost_import",
        title=_("Costs not imported"),
        text=_("The costs of %(account)s have not been imported for %(number)s hours: %(problem)s"),
        over=_("The costs of %(account)s are imported again."),
        check=_stale_accounts,
        threshold=3,
        threshold_help=_("hours without an import that went well"),
    ),
    Watch(
        kind="authorisation",
        title=_("Authorisation ends"),
        text=_("The authorisation of %(platform)s of %(authorised)s is lost or ends: %(why)s. Authorise again."),
        over=_("The authorisation of %(platform)s of %(authorised)s is valid, or was replaced."),
        name=registry.with_name,
        check=_ending_authorisations,
        threshold=3,
        threshold_help=_("days until an authorisation ends"),
    ),
]
