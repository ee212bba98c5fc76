"""The tables of the statistics: sums per day, and the log of changes that must be summed again.

`statistics.summing` writes them, `statistics.sources` reads them. Days are in `TIME_ZONE`.
"""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# The previous payment day of users who had not paid before.
NEVER = date.min


class AdKey(models.Model):
    """The ad and platform that a sum belongs to; an id is 0 if the platform gave none.

    Sums without an ad are `is_organic` and have no platform, which is different from an ad whose ids are unknown.
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
    # Each user counts once a day, at the channel of the day's first payment, so the sum over channels is also exact.
    paying_users = models.PositiveIntegerField(_("paying users"))
    amount_fen = models.BigIntegerField(_("amount (fen)"))
    next_day_opens = models.PositiveIntegerField(_("next-day opens"))
    key_behaviours = models.PositiveIntegerField(_("key behaviours"))

    class Meta:
        constraints = [
            # Two rows with one key would count everything twice. Also finds the rows of one app and day, to rewrite
            # them, and a range of days for the reports.
            models.UniqueConstraint(fields=[*AD_KEY, "channel"], name="event_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class ClickDay(AdKey):
    """The clicks of this day. A click has no channel."""

    clicks = models.PositiveIntegerField(_("clicks"))

    class Meta:
        constraints = [
            # Two rows of one key would count everything twice. Also finds an app's day, and spans of days.
            models.UniqueConstraint(fields=AD_KEY, name="click_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_id}"


class UserDay(AdKey):
    """One user on a day on which they paid or came back.

    Answers what sums per ad cannot: how many *different* users paid within a week, and what the users activated on one
    day were worth later. `user_key` is a hash of app and user id.
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
            # Different paying users by channel in a range of days (sources.payers): answered by the index alone.
            models.Index(
                fields=["day", "app", "user_key"],
                include=["is_organic", "platform", "advertiser_id", "campaign_id", "ad_id", "channel"],
                condition=Q(payments__gt=0),
                name="user_day_paying",
            ),
            # A user's last payment before a day, and the next after it (user_sums: PayerDay).
            models.Index(
                fields=["app", "user_key", "day"],
                condition=Q(payments__gt=0),
                name="user_day_payments_of_user",
            ),
            # The actions of the users activated on one day (user_sums: CohortDay).
            models.Index(fields=["activation_day"], name="user_day_cohort"),
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.user_key}"


class CohortDay(AdKey):
    """What the users activated on this day, at this channel, did later: summed from `UserDay`.

    For a range of days, `UserDay` has 13 times as many rows (sources.cohorts).
    """

    channel = models.CharField(_("channel"), max_length=64)
    # Paid up to the end of the n-th day after the activation; day 0 is the day of the activation.
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
    """How many users paid on this day, by the day of their previous payment: summed from `UserDay`.

    In a range of days each user counts on the first day on which they paid: there, the previous payment was before the
    range, or never. So the number of different users in any range is a sum of these rows (sources.payers); with
    `UserDay`, a month has half a million keys to distinguish.
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
    """How many events of this day are in each state; the sum over all states is the number received."""

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
    """The most recently seen name of a campaign or an ad."""

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
            # An ad must not have two names. Also serves the look-up by id.
            models.UniqueConstraint(fields=["platform", "level", "platform_id"], name="ad_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """A change not yet included in the statistics; database triggers write it (migration `0005_notes_of_changes`).

    Either clicks or conversions in this quarter of an hour (`happened_at`) have changed, or everything about one user.
    """

    id = models.BigAutoField(primary_key=True)
    app_id = models.BigIntegerField()
    happened_at = models.DateTimeField(null=True)
    user_id = models.CharField(max_length=128, blank=True)

    class Meta:
        # No index: the table holds only the changes since the last sweep, and every event writes to it.
        constraints = [
            # A change with neither a time nor a user could never be processed.
            models.CheckConstraint(
                condition=Q(happened_at__isnull=False, user_id="") | Q(happened_at__isnull=True) & ~Q(user_id=""),
                name="change_of_one_kind",
            )
        ]

    def __str__(self) -> str:
        return str(self.happened_at or self.user_id)
