"""Apps, clicks, attributions, conversions and their attempts."""

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _


def new_monitor_token() -> str:
    return secrets.token_urlsafe(24)


class App(models.Model):
    """An app whose users' events are attributed and reported."""

    slug = models.SlugField(_("short name"), unique=True)
    monitor_token = models.CharField(_("monitor link token"), max_length=64, unique=True, default=new_monitor_token)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")

    def __str__(self) -> str:
        return self.slug
