"""Attributions: which ad each user came from."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from attribution.admin.lists import BigList, Days, apps, choice, platform_names, text
from attribution.admin.pages.formats import moment
from attribution.admin.pages.wording import reason_in_words, source_in_words
from attribution.models import Attribution, EarlierAttribution
from attribution.models.users import users_in
from attribution.models.words import MATCH_TYPES
from attribution.platforms import registry
from attribution.records import exporting, filtering

TONES = {"attributed": "success", "suspicious": "warning", "organic": "default"}
YES_OR_NO = [("1", _("Yes")), ("0", _("No"))]


@admin.register(Attribution)
class AttributionAdmin(BigList):
    filters = filtering.ATTRIBUTIONS
    export = exporting.ATTRIBUTIONS

    list_display = ["asked", "user_id", "app", "outcome", "why", "advertiser_id", "ad", "click_to_install"]
    list_display_links = ["asked", "user_id"]
    list_filter = [
        Days,
        choice("app", _("app"), apps),
        choice("platform", _("platform"), platform_names),
        text("advertiser", _("advertiser")),
        text("campaign", _("campaign or project")),
        text("ad", _("ad or promotion")),
        choice("attributed", _("attributed"), YES_OR_NO),
        choice("source", _("source"), Attribution.Source.choices),
        choice("match_type", _("match type"), MATCH_TYPES),
        choice("suspicious", _("suspicious"), YES_OR_NO),
    ]
    search_help_text = _("User id")
    exclude = ["callback_param", "reason", "platform"]  # the last two are shown in words
    readonly_fields = ["platform_name", "why", "earlier"]
    raw_id_fields = ["click"]

    @admin.display(description=_("last asked"))
    def asked(self, row: Attribution) -> str | None:
        return moment(row.asked_at)

    @display(description=_("outcome"), label=TONES)
    def outcome(self, row: Attribution) -> tuple[str, Any]:
        if row.is_suspicious:
            return "suspicious", _("suspicious")
        return ("attributed", source_in_words(row)) if row.is_attributed else ("organic", _("organic"))

    @admin.display(description=_("reason"))
    def why(self, row: Attribution) -> str:
        return reason_in_words(row.reason)

    @admin.display(description=_("platform"))
    def platform_name(self, row: Attribution) -> str:
        return registry.name_of(row.platform)

    @admin.display(description=_("earlier ads"))
    def earlier(self, row: Attribution) -> str:
        """A line for each ad that the user came from before."""
        found = EarlierAttribution.objects.filter(users_in({(row.app_id, row.user_id)})).order_by("replaced_at")
        lines = [(_span(each), registry.name_of(each.platform), each.advertiser_id, each.ad_label) for each in found]
        return format_html_join(mark_safe("<br>"), "{} · {} · {} · {}", lines) or "–"

    @admin.display(description=_("ad or promotion"))
    def ad(self, row: Attribution) -> Any:
        return row.ad_label

    @admin.display(description=_("click to install (s)"))
    def click_to_install(self, row: Attribution) -> int | None:
        return row.click_to_install_s


def _span(row: EarlierAttribution) -> str:
    return f"{moment(row.activated_at)} – {moment(row.replaced_at)}"
