"""Usage and cost, read-only."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from foundation.admin_lists import ReadOnly
from streaming.admin import conversations, usage_page  # noqa: F401  # registers the conversations
from streaming.models import UsageHour


@admin.register(UsageHour)
class UsageHourAdmin(ReadOnly, ModelAdmin):
    """Shows the usage page instead of a list of hours."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Chat usage and cost"),
            "opts": self.opts,
            **usage_page.context(request),
        }
        return TemplateResponse(request, "admin/streaming/usagehour/page.html", context)
