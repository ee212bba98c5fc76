"""Destinations: advertisers' reports and the attribution query, each with its switch and its breaker."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from attribution.admin.pages.formats import moment
from attribution.models import Destination
from attribution.platforms import registry

TONES = {"closed": "success", "open": "danger", "probing": "warning", "off": "default"}


@admin.register(Destination)
class DestinationAdmin(ModelAdmin):
    list_display = ["key", "platform_name", "name", "is_enabled", "breaker", "failures", "opens_until", "last_error"]
    list_editable = ["is_enabled"]
    list_filter = ["is_enabled"]
    search_fields = ["platform", "key", "name"]
    list_before_template = "admin/attribution/destination_help.html"
    fields = [
        "platform_name",
        "key",
        "name",
        "is_enabled",
        "breaker",
        "failures",
        "openings",
        "open_until",
        "last_error",
    ]
    readonly_fields = ["platform_name", "key", "breaker", "failures", "openings", "open_until", "last_error"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They appear with the first conversion that needs them."""
        return False

    @admin.display(description=_("platform"))
    def platform_name(self, destination: Destination) -> str:
        return registry.name_of(destination.platform)

    @admin.display(description=_("breaker open until"))
    def opens_until(self, destination: Destination) -> str | None:
        return moment(destination.open_until)

    @display(description=_("breaker"), label=TONES)
    def breaker(self, destination: Destination) -> tuple[str, Any]:
        if not destination.is_enabled:
            return "off", _("switched off")
        if destination.is_open(timezone.now()):
            return "open", _("open")
        return ("probing", _("trying again")) if destination.is_suspect else ("closed", _("closed"))
