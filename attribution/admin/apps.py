"""Apps: packages, windows, derived events, and the monitor links to enter at the ad platforms."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from attribution.admin.event_rules import EventRuleInline
from attribution.clicks.links import monitor_links, view_links
from attribution.models import App, Attribution, ChannelPackage, Click, Conversion
from attribution.models.words import MATCH_TYPES
from attribution.platforms.registry import name_of

VIEW_WINDOWS = ["play_window_hours", "impression_window_hours"]


class ChannelPackageInline(TabularInline):
    model = ChannelPackage
    extra = 0


@admin.register(App)
class AppAdmin(ModelAdmin):
    list_display = ["slug", "android_package", "ios_bundle", "is_reporting"]
    search_fields = ["slug"]
    readonly_fields = ["link", "monitor_token", "created_at"]
    inlines = [ChannelPackageInline, EventRuleInline]
    fieldsets = [
        (None, {"fields": ["slug", "android_package", "ios_bundle", "is_reporting"]}),
        (_("Monitor link"), {"fields": ["link", "monitor_token"]}),
        (
            _("Which ad"),
            {
                "fields": [
                    "click_window_days", *VIEW_WINDOWS, "event_window_days", "reattribution_days", "matches_by_network",
                    "activates_once_per_callback",
                ],
            },
        ),
        (
            _("Derived events"),
            {
                "fields": [
                    "derives_next_day_open", "key_behaviour_event", "key_behaviour_count", "key_behaviour_hours",
                ],
            },
        ),
        (None, {"fields": ["created_at"]}),
    ]  # fmt: skip

    def has_delete_permission(self, request: HttpRequest, obj: App | None = None) -> bool:
        """Only an app without any rows, one at a time: Django would list, or delete, all that belongs to it."""
        is_unused = obj is not None and not any(rows.exists() for rows in _rows_of(obj))
        return is_unused and super().has_delete_permission(request, obj)

    @admin.display(description=_("monitor link"))
    def link(self, app: App) -> str:
        titles = dict(MATCH_TYPES)
        links = []
        for slug, link in monitor_links(app).items():
            links.append((slug, name_of(slug), link))
            for match_type, view_link in view_links(app, slug).items():
                links.append((f"{slug}-{match_type}", f"{name_of(slug)}: {titles[match_type]}", view_link))
        context = {"links": links, "app": app}
        return render_to_string("admin/attribution/monitor_link.html", context)


def _rows_of(app: App) -> list[QuerySet[Any]]:
    return [app.keys(), *(model._default_manager.filter(app=app) for model in (Conversion, Attribution, Click))]
