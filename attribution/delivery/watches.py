"""Alerts about deliveries: breakers, refusals, dead letters, a backlog. Queries use indexes only, and are bounded."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from attribution.models import Conversion, Destination, State
from attribution.platforms import registry
from foundation.hooks.alerts import Cause, Watch

# Counted up to here.
COUNTED = 10_000
# Refusals come with the first answers, so refusals of older records are old news.
REFUSED_WITHIN = timedelta(days=1)
# A record fails when its time is over. Counted are failed records received no longer ago than that time plus this.
FAILED_WITHIN = timedelta(days=1)


def _open_breakers(threshold: int, now: datetime) -> Iterator[Cause]:
    """One for each destination that failed and has not answered since, unless someone has switched it off."""
    suspects = Destination.objects.filter(is_enabled=True, failures__gte=settings.BREAKER_FAILURES)
    for destination in suspects.filter(openings__gte=threshold).order_by("platform", "key"):
        yield Cause(
            key="/".join(destination.identity),  # two platforms may have advertisers with one id
            number=destination.openings,
            words={
                "platform": destination.platform,
                "destination": str(destination),
                "failures": destination.failures,
                "error": destination.last_error or "–",
            },
            path=reverse("admin:attribution_destination_change", args=[destination.pk]),
        )


def _refusals(threshold: int, now: datetime) -> Iterator[Cause]:
    """One for each advertiser of a platform."""
    refused = _newest(State.REJECTED, since=now - REFUSED_WITHIN)
    found: dict[tuple[str, int | None], Counter[str]] = {}
    for platform, advertiser_id, reason in refused.values_list("platform", "advertiser_id", "reason")[:COUNTED]:
        found.setdefault((platform, advertiser_id), Counter())[reason] += 1
    for (platform, advertiser_id), reasons in found.items():
        if reasons.total() >= threshold:
            [(reason, _count)] = reasons.most_common(1)
            query = {"state": State.REJECTED.value, "platform": platform, "advertiser": advertiser_id}
            yield Cause(
                key=f"{platform}/{advertiser_id or ''}",
                number=reasons.total(),
                words={"platform": platform, "advertiser": advertiser_id or "–", "reason": reason},
                path=_records(**{name: value for name, value in query.items() if value}),
            )


def _dead_letters(threshold: int, now: datetime) -> Iterator[Cause]:
    longest = timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S) + FAILED_WITHIN
    count = _newest(State.FAILED, since=now - longest).order_by()[:COUNTED].count()
    if count >= threshold:
        yield Cause(key="failed", number=count, path=_records(state=State.FAILED.value))


def _backlog(threshold: int, now: datetime) -> Iterator[Cause]:
    """`threshold`: minutes that the oldest due record has waited. Records that wait for a breaker are not due."""
    due = Conversion.objects.filter(due_at__lte=now - timedelta(minutes=threshold))
    oldest = due.order_by("due_at").values_list("due_at", flat=True).first()
    if oldest is not None:
        yield Cause(
            key="backlog",
            number=int((now - oldest).total_seconds() // 60),
            words={"count": Conversion.objects.filter(due_at__lte=now).order_by()[:COUNTED].count()},
            path=_records(state=State.PENDING.value),
        )


def _newest(state: State, *, since: datetime) -> QuerySet[Conversion]:
    """Uses the index `conversion_by_state`."""
    return Conversion.objects.filter(state=state, received_at__gte=since, is_test=False).order_by("-received_at")


def _records(**query: str | int) -> str:
    return f"{reverse('admin:attribution_conversion_changelist')}?{urlencode(query)}"


WATCHES = [
    Watch(
        kind="breaker",
        title=_("Breaker open"),
        text=_(
            "The breaker of %(platform)s %(destination)s is open after %(failures)s failures in a row; "
            "reports are held. Last error: %(error)s"
        ),
        over=_("The breaker of %(platform)s %(destination)s is no longer open."),
        name=registry.with_name,
        check=_open_breakers,
        threshold_help=_("openings in a row"),
    ),
    Watch(
        kind="refusals",
        title=_("Refusals"),
        text=_(
            "%(number)s send records of %(platform)s advertiser %(advertiser)s were refused within a day, "
            "most often for: %(reason)s"
        ),
        over=_("Fewer send records of %(platform)s advertiser %(advertiser)s are being refused."),
        name=registry.with_name,
        check=_refusals,
        threshold=10,
        threshold_help=_("refused send records of one advertiser, received within a day"),
    ),
    Watch(
        kind="dead_letters",
        title=_("Dead letters"),
        text=_("%(number)s send records have used up their attempts and will not be sent again automatically."),
        over=_("The send records that had used up their attempts have been dealt with, or are several days old."),
        check=_dead_letters,
        threshold_help=_("send records that failed in the last days"),
    ),
    Watch(
        kind="backlog",
        title=_("Backlog"),
        text=_("%(count)s send records are due; the oldest has been waiting for %(number)s minutes."),
        over=_("Send records are sent on time again."),
        check=_backlog,
        threshold=10,
        threshold_help=_("minutes that the oldest due send record has waited"),
    ),
]
