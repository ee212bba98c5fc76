"""Costs of ads: a row per ad and day, each creative's share, and where the numbers come from.

Money is in centifen, hundredths of a fen: whole numbers for the four decimals of a yuan in platforms' figures and
files. 12.34 yuan = 1,234 fen = 123,400 centifen. Days are in `TIME_ZONE`.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

CENTIFEN_PER_YUAN = 10_000
CENTIFEN_PER_FEN = 100


class AdCost(models.Model):
    """The cost of one ad on one day. An id is 0 if the cost is known only for the whole advertiser or campaign.

    The newest statement about an ad's day counts, wherever it comes from: rows are replaced, never added to.
    """

    class Source(models.TextChoices):
        IMPORT = "import", _("import")
        UPLOAD = "upload", _("upload")
        API = "api", _("API")

    day = models.DateField(_("day"))
    platform = models.CharField(_("platform"), max_length=32)
    advertiser_id = models.BigIntegerField(_("advertiser"))
    campaign_id = models.BigIntegerField(_("campaign or project"), default=0)
    campaign_name = models.CharField(_("campaign or project name"), max_length=255, blank=True)
    ad_id = models.BigIntegerField(_("ad or promotion"), default=0)
    ad_name = models.CharField(_("ad or promotion name"), max_length=255, blank=True)
    cost_centifen = models.BigIntegerField(_("cost"))
    # None: not reported.
    impressions = models.BigIntegerField(_("impressions"), null=True, blank=True)
    clicks = models.BigIntegerField(_("clicks"), null=True, blank=True)
    conversions = models.BigIntegerField(_("conversions, as the platform counts"), null=True, blank=True)
    # The platform's counts, by our event names: {"active": 5, "active_pay": 2}.
    counted = models.JSONField(_("events, as the platform counts"), default=dict, blank=True)
    source = models.CharField(_("source"), max_length=6, choices=Source)
    stored_at = models.DateTimeField(_("stored at"))

    class Meta:
        verbose_name = _("ad cost")
        verbose_name_plural = _("ad costs")
        constraints = [
            # Two rows for one ad and day would count its cost twice. Also finds an advertiser's day, to replace it, and
            # a range of days for the statistics.
            models.UniqueConstraint(
                fields=["day", "platform", "advertiser_id", "campaign_id", "ad_id"], name="ad_cost_once"
            ),
            # A negative cost would make an ad look profitable.
            models.CheckConstraint(condition=Q(cost_centifen__gte=0), name="ad_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ad_name or self.ad_id or self.advertiser_id}"


# The fields of the unique constraint `ad_cost_once`.
COST_KEY = ["day", "platform", "advertiser_id", "campaign_id", "ad_id"]


class CreativeCost(models.Model):
    """A creative's share of an ad's day. If an ad shows two creatives at once, both have its cost: don't add them up.

    So totals come from `AdCost`; these rows only compare the creatives of an ad.
    """

    ad_cost = models.ForeignKey(AdCost, on_delete=models.CASCADE, related_name="creatives", db_index=False)
    creative_id = models.BigIntegerField(_("creative"))
    creative_name = models.CharField(_("creative name"), max_length=255, blank=True)
    cost_centifen = models.BigIntegerField(_("cost"))
    impressions = models.BigIntegerField(_("impressions"), null=True, blank=True)
    clicks = models.BigIntegerField(_("clicks"), null=True, blank=True)
    conversions = models.BigIntegerField(_("conversions, as the platform counts"), null=True, blank=True)

    class Meta:
        constraints = [
            # A creative must not be in one ad's day twice. Also finds the creatives of an ad's day.
            models.UniqueConstraint(fields=["ad_cost", "creative_id"], name="creative_cost_once")
        ]

    def __str__(self) -> str:
        return self.creative_name or str(self.creative_id)


class CostUpload(models.Model):
    """A file of costs that was read without errors and waits for confirmation, or has been confirmed."""

    file_name = models.CharField(_("file"), max_length=255)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    uploaded_at = models.DateTimeField(_("uploaded at"))
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    # Items as for `POST /api/costs/`; emptied by the confirmation.
    items = models.JSONField(default=list)
    rows = models.PositiveIntegerField(_("rows"))
    cost_centifen = models.BigIntegerField(_("cost"))

    class Meta:
        verbose_name = _("cost upload")
        verbose_name_plural = _("cost uploads")

    def __str__(self) -> str:
        return self.file_name


class CostAccount(models.Model):
    """An advertiser whose costs are imported. The row is the queue: it says when it is due and until when claimed."""

    platform = models.CharField(_("platform"), max_length=32)
    advertiser_id = models.BigIntegerField(_("advertiser"))
    name = models.CharField(_("name"), max_length=128, blank=True)
    authorisation = models.ForeignKey(
        "attribution.Authorisation",
        verbose_name=_("authorisation"),
        on_delete=models.CASCADE,
        related_name="accounts",
        db_index=False,
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    due_at = models.DateTimeField(_("next import"))
    # The importing process owns the account until then; if it dies, the next process takes over.
    claimed_until = models.DateTimeField(null=True, editable=False)
    imported_at = models.DateTimeField(_("last imported at"), null=True)
    # The problem of the last import; empty: it succeeded.
    problem = models.TextField(_("problem"), blank=True)

    class Meta:
        verbose_name = _("cost account")
        verbose_name_plural = _("cost accounts")
        constraints = [
            # Two accounts for one advertiser would import the same costs in turn.
            models.UniqueConstraint(fields=["platform", "advertiser_id"], name="cost_account_once")
        ]
        indexes = [
            # Accounts that are due (importing.import_due).
            models.Index(fields=["due_at"], condition=Q(is_enabled=True), name="cost_account_due"),
            # The accounts of an authorisation that was replaced or deleted.
            models.Index(fields=["authorisation"], name="cost_account_authorisation"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.advertiser_id)


class CostImport(models.Model):
    """One import of one account, and what it changed."""

    account = models.ForeignKey(
        CostAccount, verbose_name=_("cost account"), on_delete=models.CASCADE, related_name="imports", db_index=False
    )
    began_at = models.DateTimeField(_("began at"))
    # None: still running, or killed.
    finished_at = models.DateTimeField(_("finished at"), null=True)
    since = models.DateField(_("from"))
    until = models.DateField(_("to"))
    ads = models.PositiveIntegerField(_("ads and days"), default=0)
    # Days whose rows changed: [{"day": "2026-11-29", "ads": 12, "before": 0, "after": 123400}].
    changes = models.JSONField(_("changes"), default=list)
    problem = models.TextField(_("problem"), blank=True)
    # Which details could not be fetched in addition to the costs.
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("cost import")
        verbose_name_plural = _("cost imports")
        indexes = [
            # The imports of an account, newest first.
            models.Index(fields=["account", "-began_at"], name="cost_import_of_account"),
            # The list of all imports, newest first; and the purge.
            models.Index(fields=["began_at"], name="cost_import_began"),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.since} – {self.until}"
