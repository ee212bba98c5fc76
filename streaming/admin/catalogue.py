"""Admin pages to edit providers, models and routes."""

import os
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from streaming.admin import conversations, usage_page  # noqa: F401  # registers the conversations
from streaming.catalogue import catalogue, timeouts
from streaming.models import ChatModel, Provider, Route
from streaming.routing import cooling

PRICES = ["prompt_price", "cached_price", "completion_price"]
SHARE = ["weight", "rpm", "tpm"]
TIMEOUTS: Any = (_("Timeouts"), {"fields": timeouts.NAMES})


class BesideEnvironment(ModelAdmin):
    """Lists that also show models served without a row; otherwise they would look empty on a working site."""

    list_before_template = "admin/streaming/environment_help.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"environment_models": list(settings.ARK_MODELS.items())} | (extra_context or {})
        return super().changelist_view(request, context)


@admin.register(Provider)
class ProviderAdmin(BesideEnvironment):
    list_display = ["slug", "dialect", "vendor", "base_url", "api_key_env", "has_key"]
    search_fields = ["slug"]
    fieldsets = [
        (None, {"fields": ["slug", "base_url", "api_key_env", "dialect", "vendor"]}),
        (_("Requests"), {"fields": ["proxy_env", "headers", "send_stream_options"]}),
        TIMEOUTS,
    ]

    @admin.display(description=_("key is set"), boolean=True)
    def has_key(self, provider: Provider) -> bool | None:
        """Whether the key is set in this process; workers and other machines may differ. None: it needs no key."""
        if not provider.api_key_env:
            return None
        return bool(os.environ.get(provider.api_key_env, "").strip())


class RouteInline(TabularInline):
    model = Route
    extra = 0
    fields = ["position", "provider", "upstream_model", "weight", *PRICES]
    ordering = ["position"]
    show_change_link = True


@admin.register(ChatModel)
class ChatModelAdmin(BesideEnvironment):
    list_display = ["name", "balance", "created_at"]
    search_fields = ["name"]
    fieldsets = [(None, {"fields": ["name", "balance"]}), TIMEOUTS]
    inlines = [RouteInline]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_choice_field(db_field, request, required=False, **kwargs)


@admin.register(Route)
class RouteAdmin(BesideEnvironment):
    list_display = ["chat_model", "position", "provider", "upstream_model", "state", *SHARE, *PRICES]
    list_display_links = ["chat_model", "upstream_model"]
    list_filter = ["provider", "chat_model"]
    list_select_related = ["chat_model", "provider"]
    search_fields = ["chat_model__name", "upstream_model"]
    ordering = ["chat_model__name", "position"]
    fieldsets = [
        (None, {"fields": ["chat_model", "position", "provider", "upstream_model", "prices", *PRICES]}),
        (_("Share and limits"), {"fields": [*SHARE, "tpm_ramp_percent"]}),
        (_("Parameters"), {"fields": ["default_params", "drop_params"]}),
        TIMEOUTS,
    ]
    change_form_outer_before_template = "admin/streaming/route/test.html"

    @admin.display(description=_("state"))
    def state(self, route: Route) -> str:
        """As this process has found it; others have made their own experience."""
        left_s = cooling.left_s(catalogue.served(route))
        return gettext("cools down for %(seconds)d s") % {"seconds": left_s} if left_s else gettext("serves")
