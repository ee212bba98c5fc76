"""The usage of completions, summed per hour."""

import datetime as dt
from collections.abc import Iterable

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UsageNote(models.Model):
    """Notes that completions which began in this hour have ended since the hour was summed.

    Written together with them, deleted by `usage/hours.py`.
    """

    hour = models.DateTimeField()

    class Meta:
        verbose_name = _("usage note")
        verbose_name_plural = _("usage notes")

    def __str__(self) -> str:
        return str(self.hour)

    @staticmethod
    def take(started_at: Iterable[dt.datetime]) -> None:
        hours = {timezone.localtime(at).replace(minute=0, second=0, microsecond=0) for at in started_at}
        UsageNote.objects.bulk_create([UsageNote(hour=hour) for hour in sorted(hours)])


class UsageHour(models.Model):
    """Usage of the ended completions that began in one hour, per model and provider. Summed only by `usage/hours.py`.

    Hours, because the current one is summed again every half minute, and a day would have too many rows for that. They
    begin on the hour in `TIME_ZONE`, so that its days consist of whole hours.
    """

    hour = models.DateTimeField(_("hour"))
    chat_model = models.CharField(_("model"), max_length=100)
    provider = models.CharField(_("provider"), max_length=50, blank=True)
    completions = models.PositiveBigIntegerField(_("chats"))
    completed = models.PositiveBigIntegerField(_("completed"))
    prompt_tokens = models.PositiveBigIntegerField(_("prompt tokens"))
    cached_tokens = models.PositiveBigIntegerField(_("cached tokens"))
    completion_tokens = models.PositiveBigIntegerField(_("completion tokens"))
    reasoning_tokens = models.PositiveBigIntegerField(_("reasoning tokens"))
    cost_cny = models.DecimalField(_("cost (CNY)"), max_digits=20, decimal_places=6)
    # Completions that ended with tokens but without a cost: the route had no price.
    unpriced = models.PositiveBigIntegerField(_("without a price"))

    class Meta:
        verbose_name = _("chat usage")
        verbose_name_plural = _("chat usage")
        constraints = [
            # Also serves the page's date range.
            models.UniqueConstraint(fields=["hour", "chat_model", "provider"], name="usage_hour_once"),
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.chat_model} {self.provider}"
