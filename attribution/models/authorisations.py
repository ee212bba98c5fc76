"""Authorisations to act at a platform on someone's behalf: encrypted tokens, and whether they still work."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _


class Authorisation(models.Model):
    """Tokens, given by a person's consent or issued to our own app. `attribution.authorising` keeps them fresh."""

    class Kind(models.TextChoices):
        CONSENT = "consent", _("a person's consent")
        APP = "app", _("our own app")

    platform = models.CharField(_("platform"), max_length=32)
    kind = models.CharField(_("of"), max_length=8, choices=Kind, default=Kind.CONSENT, db_default=Kind.CONSENT)
    authorised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    authorised_at = models.DateTimeField(_("authorised at"))
    # Encrypted with FIELD_ENCRYPTION_KEY. An empty refresh token: there is none.
    access_token = models.TextField(editable=False)
    refresh_token = models.TextField(editable=False, blank=True)
    access_expires_at = models.DateTimeField(_("access ends at"))
    refresh_expires_at = models.DateTimeField(_("has to be authorised again by"), null=True)
    # Set before a refresh is sent, cleared when its answer is stored. If it stays set, the refresh token may be lost.
    refresh_began_at = models.DateTimeField(_("refresh began at"), null=True, editable=False)
    # What the platform said when it rejected the refresh token; only a person can fix that.
    lost_because = models.TextField(_("authorise again, because"), blank=True)
    accounts_read_at = models.DateTimeField(_("accounts read at"), null=True)

    class Meta:
        verbose_name = _("authorisation")
        verbose_name_plural = _("authorisations")
        constraints = [
            # Processes that renew two rows at once could invalidate each other's token.
            models.UniqueConstraint(fields=["platform"], condition=Q(kind="app"), name="authorisation_app_once")
        ]

    def __str__(self) -> str:
        return f"{localtime(self.authorised_at):%Y-%m-%d %H:%M}"

    def is_fresh(self, now: datetime) -> bool:
        return self.access_expires_at > now
