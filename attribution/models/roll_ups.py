"""The statistics' tables: sums per day, and the log of what has to be summed again.

`statistics.summing` writes them, `statistics.sources` reads them. A day is one of `TIME_ZONE`.
"""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# The day on which those paid before who had not.
NEVER = date.min


class AdKey(models.Model):
    """The ad, and its platform, that a sum belongs to; an id is 0 where the platform gave none.

    Sums without an ad are `is_organic` and of no platform, which is not the same as an ad whose ids are unknown.
    """

    day = models.DateField(_("day"))
    app = models.ForeignKey("attribution.App", on_delete=models.CASCADE, related_name="+", db_index=False)
    is_organic = models.BooleanField(_("organic"))
    platform = models.CharField(_("platform"), max_length=32)
    advertiser_id = models.BigIntegerField(_("advertiser"))
    campaign_id = models.BigIntegerField(_("campaign or project"))
    ad_id = models.BigIntegerField(_("ad or promotion"))

    class Meta:
        abstract = True


AD_KEY = ["day", "app", "is_organic", "platform", "advertiser_id", "campaign_id", "ad_id"]


class EventDay(AdKey):
    """What users did on this day."""

    channel = models.CharField(_("channel"), max_length=64)
    activations = models.PositiveIntegerField(_("activations"))
    registrations = models.PositiveIntegerField(_("registrations"))
    payments = models.PositiveIntegerField(_("payments"))
    # Each user once a day, at the channel of the day's first payment: so the sum over channels is exact as well.
    paying_users = models.PositiveIntegerField(_("paying users"))
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    next_day_opens = models.PositiveIntegerField(_("next-day opens"))
    key_behaviours = models.PositiveIntegerField(_("key behaviours"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds what one app did on one day, to write it
            # again, and a span of days for the reports.
            models.UniqueConstraint(fields=[*AD_KEY, "channel"], name="event_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class ClickDay(AdKey):
    """Clicks of this day. A click knows no channel."""

    clicks = models.PositiveIntegerField(_("clicks"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=AD_KEY, name="click_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class UserDay(AdKey):
    """One user on a day on which they paid or came back: what sums per ad cannot tell.

    How many *different* users paid within a week, and what those who were activated on one day were worth later.
    `user_key` is a hash of app and user id.
    """

    id = models.BigAutoField(primary_key=True)
    user_key = models.BigIntegerField()
    channel = models.CharField(_("channel"), max_length=64)
    activation_day = models.DateField(_("day of the activation"), null=True)
    activation_channel = models.CharField(_("channel of the activation"), max_length=64)
    payments = models.PositiveIntegerField(_("payments"))
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    next_day_opens = models.PositiveIntegerField(_("next-day opens"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=["day", "app", "user_key"], name="user_day_once")
        ]
        indexes = [
            # Different paying users by channel of a span of days (sources.payers): answered by the index alone.
            models.Index(
                fields=["day", "app", "user_key"],
                include=["is_organic", "platform", "advertiser_id", "campaign_id", "ad_id", "channel"],
                condition=Q(payments__gt=0),
                name="user_day_paying",
            ),
            # When a user paid last before a day, and next after it (user_sums: PayerDay).
            models.Index(
                fields=["app", "user_key", "day"],
                condition=Q(payments__gt=0),
                name="user_day_payments_of_user",
            ),
            # What the users activated on one day did (user_sums: CohortDay).
            models.Index(fields=["activation_day"], name="user_day_cohort"),
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.user_key}"


class CohortDay(AdKey):
    """What became of the users who were activated on this day, at this channel: summed from `UserDay`.

    A span of days has 13 times as many rows there (sources.cohorts).
    """

    channel = models.CharField(_("channel"), max_length=64)
    # Paid up to the end of that day after the activation; day 0 is its own.
    amount_day_0_fen = models.BigIntegerField()
    amount_day_1_fen = models.BigIntegerField()
    amount_day_7_fen = models.BigIntegerField()
    next_day_opens = models.PositiveIntegerField(_("next-day opens"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=[*AD_KEY, "channel"], name="cohort_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class PayerDay(AdKey):
    """How many users paid on this day, by the day on which they had paid last before: summed from `UserDay`.

    In a span of days each user counts on the first one on which they paid, which is when they had paid before the span
    or never. So the different users of any span are a sum of these rows (sources.payers), where `UserDay` has half a
    million keys to tell apart for a month.
    """

    paid_before = models.DateField()
    users = models.PositiveIntegerField(_("paying users"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=[*AD_KEY, "paid_before"], name="payer_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class StateDay(models.Model):
    """How many events of this day are in which state: received = the sum of all."""

    day = models.DateField(_("day"))
    app = models.ForeignKey("attribution.App", on_delete=models.CASCADE, related_name="+", db_index=False)
    event = models.CharField(_("event"), max_length=32)
    state = models.CharField(_("state"), max_length=10)
    conversions = models.PositiveIntegerField(_("send records"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=["day", "app", "event", "state"], name="state_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.event}: {self.state}"


class AdName(models.Model):
    """The name under which a campaign or an ad was seen last."""

    class Level(models.TextChoices):
        CAMPAIGN = "campaign", _("campaign or project")
        AD = "ad", _("ad or promotion")

    platform = models.CharField(max_length=32)
    level = models.CharField(max_length=8, choices=Level)
    platform_id = models.BigIntegerField()
    name = models.CharField(_("name"), max_length=255)
    seen_day = models.DateField()

    class Meta:
        constraints = [
            # Two names for one ad. Also serves the look-up by id.
            models.UniqueConstraint(fields=["platform", "level", "platform_id"], name="ad_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """Something that the statistics do not know yet; triggers of the database write it (see `stats`).

    Either clicks or conversions of this quarter of an hour (`happened_at`) have changed, or all that a user did.
    """

    id = models.BigAutoField(primary_key=True)
    app_id = models.BigIntegerField()
    happened_at = models.DateTimeField(null=True)
    user_id = models.CharField(max_length=128, blank=True)

    class Meta:
        # No index: it holds what has changed since the last sweep, and is written on the way of every event.
        constraints = [
            # A change that says neither where nor who would never be caught up with.
            models.CheckConstraint(
                condition=Q(happened_at__isnull=False, user_id="") | Q(happened_at__isnull=True) & ~Q(user_id=""),
                name="change_of_one_kind",
            )
        ]

    def __str__(self) -> str:
        return str(self.happened_at or self.user_id)
