"""Which ad each user came from."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attribution.devices.match_types import MatchType
from attribution.models.ads import AdIds
from attribution.models.apps import App
from attribution.models.clicks import Click
from attribution.models.words import MATCH_TYPES


class Attribution(AdIds):
    """Which ad a user came from: one row per user, including users who came from no ad (so far).

    `callback_param` is an opaque text from the platform; without it nothing can be reported there.
    """

    class Source(models.TextChoices):
        PLATFORM = "platform", _("the platform")
        CLICK = "click", _("our click")

    app = models.ForeignKey(
        App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="attributions", db_index=False
    )
    user_id = models.CharField(_("user"), max_length=128)
    is_attributed = models.BooleanField(_("attributed"), default=False)
    source = models.CharField(_("source"), max_length=16, blank=True, choices=Source)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    match_type = models.CharField(
        _("match type"),
        max_length=10,
        choices=MATCH_TYPES,
        default=MatchType.CLICK.value,
        db_default=MatchType.CLICK.value,
    )
    callback_param = models.TextField(_("callback parameter"), blank=True)
    click = models.ForeignKey(Click, verbose_name=_("click"), null=True, on_delete=models.SET_NULL, related_name="+")
    touched_at = models.DateTimeField(_("last touch"), null=True)
    activated_at = models.DateTimeField(_("activation"))
    click_to_install_s = models.IntegerField(_("click to install (s)"), null=True)
    is_suspicious = models.BooleanField(_("suspicious"), default=False)
    asked_at = models.DateTimeField(_("last asked"))
    attributed_at = models.DateTimeField(_("attributed at"), null=True)

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        constraints = [
            # Two simultaneous look-ups would leave a user with two ads. Also serves the look-up by user.
            models.UniqueConstraint(fields=["app", "user_id"], name="attribution_once_per_user"),
            # A row that names an ad but has no callback could never be reported.
            models.CheckConstraint(
                condition=Q(is_attributed=False) | ~Q(callback_param=""), name="attribution_has_callback"
            ),
        ]
        indexes = [
            # The admin's newest page, and its filter by days.
            models.Index(fields=["asked_at"], name="attribution_by_time"),
            # The admin's list of one advertiser, newest first.
            models.Index(
                fields=["advertiser_id", "-asked_at"],
                condition=Q(advertiser_id__isnull=False),
                name="attribution_by_advertiser",
            ),
            # The users of one ad, newest first: the admin's filters by ad (filtering).
            models.Index(fields=["ad_id", "-asked_at"], name="attribution_by_ad"),
            # The users of one campaign or project, newest first.
            models.Index(fields=["campaign_id", "-asked_at"], name="attribution_by_campaign"),
            # The admin's list of one source, newest first: if one source answers nearly all, the other has few rows.
            models.Index(fields=["source", "-asked_at"], condition=~Q(source=""), name="attribution_by_source"),
            # The admin's list of suspicious attributions, newest first: there are few or none.
            models.Index(fields=["-asked_at"], condition=Q(is_suspicious=True), name="attribution_suspicious"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.advertiser_id or _('organic')}"

    def is_same_ad(self, other: "Attribution") -> bool:
        names = ("platform", "advertiser_id", "campaign_id", "ad_id")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class EarlierAttribution(AdIds):
    """The ad that a user came from before a newer click brought the user back; it keeps the events until then."""

    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="+", db_index=False)
    user_id = models.CharField(_("user"), max_length=128)
    source = models.CharField(_("source"), max_length=16, blank=True, choices=Attribution.Source)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    callback_param = models.TextField(_("callback parameter"), blank=True)
    touched_at = models.DateTimeField(_("last touch"), null=True)
    activated_at = models.DateTimeField(_("activation"))
    attributed_at = models.DateTimeField(_("attributed at"), null=True)
    replaced_at = models.DateTimeField(_("replaced at"))

    class Meta:
        verbose_name = _("earlier attribution")
        verbose_name_plural = _("earlier attributions")
        indexes = [
            # The ad of a user at a time (statistics), and a user's history.
            models.Index(fields=["app", "user_id", "replaced_at"], name="earlier_attribution_of_user")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.advertiser_id}"

    @classmethod
    def of(cls, row: Attribution, *, replaced_at: datetime) -> "EarlierAttribution":
        kept = [field.attname for field in cls._meta.concrete_fields if field.attname not in ("id", "replaced_at")]
        return cls(replaced_at=replaced_at, **{name: getattr(row, name) for name in kept})
