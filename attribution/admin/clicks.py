"""Clicks, as the monitor link brought them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from attribution.admin.lists import BigList, Days, apps, choice, platform_names, text
from attribution.admin.pages.formats import moment
from attribution.models import Click, Os
from attribution.models.words import MATCH_TYPES
from attribution.platforms import registry
from attribution.records import exporting, filtering

# Encrypted or only compared.
UNSHOWN = [
    "raw", "oaid_digest", "android_id_digest", "imei_digest", "idfa_digest", "caid_digests", "ip_ua_digest",
    "ipv6_ua_digest",
]  # fmt: skip


@admin.register(Click)
class ClickAdmin(BigList):
    filters = filtering.CLICKS
    export = exporting.CLICKS

    list_display = ["clicked", "app", "match_type", "os", "advertiser_id", "campaign", "ad", "request_id"]
    list_filter = [
        Days,
        choice("app", _("app"), apps),
        choice("platform", _("platform"), platform_names),
        text("advertiser", _("advertiser")),
        text("campaign", _("campaign or project")),
        text("ad", _("ad or promotion")),
        choice("os", _("system"), Os.choices),
        choice("match_type", _("match type"), MATCH_TYPES),
        text("device", _("device, by its digest")),
    ]
    search_help_text = _("Request id, or number")
    readonly_fields = ["platform_name", "unread_parameters"]
    exclude = ["platform", "oddities", *UNSHOWN]

    @admin.display(description=_("clicked at"))
    def clicked(self, click: Click) -> str | None:
        return moment(click.clicked_at)

    @admin.display(description=_("campaign or project"))
    def campaign(self, click: Click) -> Any:
        return click.campaign_label

    @admin.display(description=_("ad or promotion"))
    def ad(self, click: Click) -> Any:
        return click.ad_label

    @admin.display(description=_("platform"))
    def platform_name(self, click: Click) -> str:
        return registry.name_of(click.platform)

    @admin.display(description=_("parameters that could not be read"))
    def unread_parameters(self, click: Click) -> str:
        return ", ".join(click.oddities)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the columns that are encrypted or only compared."""
        return super().get_queryset(request).defer(*UNSHOWN)
