"""The destinations that we call, with the state of their circuit breakers."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DestinationKey(NamedTuple):
    """Platform and key, since two platforms may have advertisers with one id."""

    platform: str
    key: str


class Destination(models.Model):
    """Something we call that can fail on its own: an advertiser's reports, or a platform's attribution query.

    The circuit breaker's state is here, in PostgreSQL: all workers share it, it outlives Redis, and a batch reads all
    the state it needs in one query.
    """

    # The keys are advertisers' ids, except for these two.
    ATTRIBUTION_QUERY = "attribution"
    UNKNOWN_ADVERTISER = 0

    platform = models.CharField(_("platform"), max_length=32)
    key = models.CharField(_("destination"), max_length=64)
    name = models.CharField(_("name"), max_length=128, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    openings = models.PositiveIntegerField(_("openings in a row"), default=0)
    open_until = models.DateTimeField(_("breaker open until"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        constraints = [
            # Two platforms may have advertisers with one id, which would open each other's breaker.
            models.UniqueConstraint(fields=["platform", "key"], name="destination_once")
        ]

    def __str__(self) -> str:
        return self.name or self.key

    @property
    def identity(self) -> DestinationKey:
        return DestinationKey(self.platform, self.key)

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and self.open_until > now

    @property
    def is_suspect(self) -> bool:
        """Whether it failed often enough to open its breaker, and has not answered since."""
        return self.failures >= settings.BREAKER_FAILURES

    def count_failures(self, failures: int, *, error: str, now: datetime) -> None:
        """Open the breaker if there were too many; calls that fail while it is open were sent before."""
        self.failures += failures
        self.last_error = error
        if self.is_suspect and not self.is_open(now):
            open_s = min(settings.BREAKER_OPEN_S * 2**self.openings, settings.BREAKER_OPEN_MAX_S)
            self.open_until = now + timedelta(seconds=open_s)
            self.openings += 1

    def pause(self, *, until: datetime, error: str) -> None:
        self.open_until = max(until, self.open_until or until)
        self.last_error = error

    def close(self) -> None:
        self.failures = self.openings = 0
        self.open_until = None


def waiting_for(destinations: Collection[DestinationKey]) -> Q:
    """Conversions that wait for one of these. Without an advertiser (set by the report), they wait for a query."""
    by_platform: dict[str, set[str]] = defaultdict(set)
    for platform, key in destinations:
        by_platform[platform].add(key)
    wanted = Q(pk__in=[])
    for platform, keys in by_platform.items():
        waits = Q(advertiser_id__in=[int(key) for key in keys if key != Destination.ATTRIBUTION_QUERY])
        if Destination.ATTRIBUTION_QUERY in keys:
            waits |= Q(advertiser_id=None)
        wanted |= Q(waits, platform=platform)
    return wanted
