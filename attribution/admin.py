"""The marketers' pages: apps, send records with their attempts, clicks, attributions, destinations.

What workers write is read-only here; people act through actions.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from attribution import device_ids
from attribution.models import App, Attempt, Attribution, ChannelPackage, Click, Conversion, Destination


class ReadOnly:
    """Rows that the world writes: looked at, never edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ChannelPackageInline(TabularInline):  # type: ignore[misc]  # unfold has no type information
    model = ChannelPackage
    extra = 0


@admin.register(App)
class AppAdmin(ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["slug", "android_package", "ios_bundle", "is_reporting"]
    search_fields = ["slug"]
    readonly_fields = ["monitor_token", "created_at"]
    inlines = [ChannelPackageInline]


@admin.register(Destination)
class DestinationAdmin(ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["key", "name", "is_enabled", "failures", "open_until", "last_error"]
    list_editable = ["is_enabled"]
    list_filter = ["is_enabled"]
    search_fields = ["key", "name"]
    fields = ["key", "name", "is_enabled", "failures", "openings", "open_until", "last_error"]
    readonly_fields = ["key", "failures", "openings", "open_until", "last_error"]


class AttemptInline(ReadOnly, StackedInline):  # type: ignore[misc]  # as above
    model = Attempt
    fields = [
        "kind", "outcome", "started_at", "duration_ms", "http_status", "code", "message", "request", "response",
        "resent_by", "resend_reason",
    ]  # fmt: skip
    ordering = ["started_at", "id"]


@admin.register(Conversion)
class ConversionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["received_at", "app", "event", "user_id", "state", "reason", "advertiser_id", "tries", "due_at"]
    list_filter = ["state", "event", "app", "os"]
    search_fields = ["=user_id", "=outer_event_id"]
    list_select_related = ["app"]
    ordering = ["-received_at"]
    show_full_result_count = False
    exclude = ["device", "device_digest", "body", "lease_token", "dedup_key", "resend_by", "resend_reason"]
    readonly_fields = ["masked_device"]
    inlines = [AttemptInline]

    @admin.display(description=_("device ids"))
    def masked_device(self, conversion: Conversion) -> str:
        return ", ".join(f"{name} {device_ids.mask(value)}" for name, value in conversion.device_ids.items())


@admin.register(Click)
class ClickAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["clicked_at", "app", "os", "advertiser_id", "project_name", "promotion_name", "request_id"]
    list_filter = ["app", "os"]
    search_fields = ["=request_id", "=track_id"]
    list_select_related = ["app"]
    ordering = ["-received_at"]
    show_full_result_count = False
    exclude = [
        "raw", "oaid_digest", "android_id_digest", "imei_digest", "idfa_digest", "caid_digests", "ip_ua_digest",
        "ipv6_ua_digest",
    ]  # fmt: skip


@admin.register(Attribution)
class AttributionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["user_id", "app", "is_attributed", "source", "reason", "advertiser_id", "asked_at", "is_suspicious"]
    list_filter = ["is_attributed", "source", "app", "is_suspicious"]
    search_fields = ["=user_id"]
    list_select_related = ["app"]
    ordering = ["-asked_at"]
    show_full_result_count = False
