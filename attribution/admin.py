"""The marketers' pages: apps, send records with their attempts, clicks, attributions, destinations.

What workers write is read-only here; people act through actions.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from attribution import conversions, device_ids
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


class ReasonForm(ActionForm):  # type: ignore[misc]  # as above
    """Actions with a reason, which stands in the attempts that they lead to."""

    reason = forms.CharField(
        label="",
        max_length=255,
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": _("reason of a resend")}),
    )


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
    action_form = ReasonForm
    actions = ["resend", "hold", "release"]

    @admin.display(description=_("device ids"))
    def masked_device(self, conversion: Conversion) -> str:
        try:
            ids = conversion.device_ids
        except device_ids.DecryptionError:
            return str(_("unreadable: the key is gone"))
        return ", ".join(f"{name} {device_ids.mask(value)}" for name, value in ids.items())

    @admin.action(description=_("Send again, with the reason given"), permissions=["resend"])
    def resend(self, request: HttpRequest, rows: QuerySet[Conversion]) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            self.message_user(request, _("Say why: the reason stands in the attempts."), messages.ERROR)
            return
        count = conversions.resend(rows, by=request.user, reason=reason, now=timezone.now())  # type: ignore[arg-type]  # staff only
        self._say(request, count, ngettext("%d is sent again.", "%d are sent again.", count))

    @admin.action(description=_("Hold"), permissions=["resend"])
    def hold(self, request: HttpRequest, rows: QuerySet[Conversion]) -> None:
        count = conversions.hold(rows)
        self._say(request, count, ngettext("%d is held.", "%d are held.", count))

    @admin.action(description=_("Release"), permissions=["resend"])
    def release(self, request: HttpRequest, rows: QuerySet[Conversion]) -> None:
        count = conversions.release(rows, now=timezone.now())
        self._say(request, count, ngettext("%d is released.", "%d are released.", count))

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("attribution.resend_conversion")

    def _say(self, request: HttpRequest, count: int, text: str) -> None:
        self.message_user(request, text % count, messages.SUCCESS if count else messages.WARNING)


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
