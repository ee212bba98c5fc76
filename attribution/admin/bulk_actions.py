"""What people did to many send records at once, and why. Visible to everyone who may view the records."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from attribution.admin.pages.formats import moment
from attribution.models.bulk_actions import BulkAction
from foundation.admin_lists import ReadOnly

TONES = {"going_on": "info", "stopped": "warning", "done": "success"}


@admin.register(BulkAction)
class BulkActionAdmin(ReadOnly, ModelAdmin):
    list_display = ["asked", "kind", "progress", "changed", "reason", "asked_by", "query"]
    list_filter = ["kind"]
    list_select_related = ["asked_by"]
    ordering = ["-pk"]

    @admin.display(description=_("asked at"))
    def asked(self, action: BulkAction) -> str | None:
        return moment(action.asked_at)

    @display(description=_("progress"), label=TONES)
    def progress(self, action: BulkAction) -> tuple[str, Any]:
        if action.finished_at is None:
            return "going_on", _("going on")
        return ("stopped", _("stopped")) if action.is_stopped else ("done", _("done"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("attribution.view_conversion")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:attribution_conversion_progress", args=[object_id]))
