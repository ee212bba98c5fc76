"""The list of costs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from attribution.admin.costs import tools
from attribution.admin.pages.formats import count
from attribution.costs import sources
from attribution.costs.amounts import yuan_of
from attribution.models import AdCost
from attribution.platforms import registry
from foundation.admin_lists import ReadOnly, Uncounted


class OfPlatform(admin.SimpleListFilter):
    title = _("platform")
    parameter_name = "platform"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(sources.platforms().items())

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(platform=self.value()) if self.value() else rows


@admin.register(AdCost)
class AdCostAdmin(ReadOnly, Uncounted, ModelAdmin):
    list_display = ["on_day", "platform_name", "advertiser_id", "campaign", "ad", "cost", "shown", "clicked", "source"]
    list_display_links = None
    list_filter = ["source", OfPlatform]
    search_fields = ["=advertiser_id", "=campaign_id", "=ad_id"]
    search_help_text = _("Id of an advertiser, campaign or ad")
    ordering = ["-day", "platform", "advertiser_id", "campaign_id", "ad_id"]
    list_before_template = "admin/costs/tools.html"
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, (extra_context or {}) | tools.of(request))

    @admin.display(description=_("day"))
    def on_day(self, row: AdCost) -> str:
        """Short enough not to be wrapped."""
        return row.day.isoformat()

    @admin.display(description=_("platform"))
    def platform_name(self, row: AdCost) -> str:
        return registry.name_of(row.platform)

    @admin.display(description=_("campaign or project"))
    def campaign(self, row: AdCost) -> str | int | None:
        return row.campaign_name or row.campaign_id or None

    @admin.display(description=_("ad or promotion"))
    def ad(self, row: AdCost) -> str | int | None:
        return row.ad_name or row.ad_id or None

    @admin.display(description=_("cost"))
    def cost(self, row: AdCost) -> str:
        return f"¥{yuan_of(row.cost_centifen)}"

    @admin.display(description=_("impressions"))
    def shown(self, row: AdCost) -> str | None:
        return None if row.impressions is None else count(row.impressions)

    @admin.display(description=_("clicks"))
    def clicked(self, row: AdCost) -> str | None:
        return None if row.clicks is None else count(row.clicks)
