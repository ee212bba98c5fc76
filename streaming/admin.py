"""Providers, models and routes to edit; completions, usage and cost to read."""

import os
import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, URLField
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from config.admin_lists import ReadOnly, Uncounted
from streaming import admin_conversations, usage_page  # noqa: F401  # registers the conversations
from streaming.admin_filters import DaysFilter, ModelFilter, ProviderFilter
from streaming.models import ChatModel, Completion, Provider, Route, UsageHour

PRICES = ["prompt_price", "cached_price", "completion_price"]


class BesideEnvironment:
    """The lists say what is served without any row: they would look empty beside a site that works."""

    list_before_template = "admin/streaming/environment_help.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        context = {"environment_models": list(settings.ARK_MODELS.items())} | (extra_context or {})
        page: HttpResponseBase = super().changelist_view(request, context)  # type: ignore[misc]  # ModelAdmin's
        return page


@admin.register(Provider)
class ProviderAdmin(BesideEnvironment, ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    list_display = ["slug", "dialect", "base_url", "api_key_env", "has_key"]
    search_fields = ["slug"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"  # Django's default from 6.0 on
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("key is set"), boolean=True)
    def has_key(self, provider: Provider) -> bool:
        """In this process, that is: workers and other machines may differ."""
        return bool(os.environ.get(provider.api_key_env, "").strip())


class RouteInline(TabularInline):  # type: ignore[misc]  # as above
    model = Route
    extra = 0
    fields = ["position", "provider", "upstream_model", *PRICES]
    ordering = ["position"]
    show_change_link = True


@admin.register(ChatModel)
class ChatModelAdmin(BesideEnvironment, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    inlines = [RouteInline]


@admin.register(Route)
class RouteAdmin(BesideEnvironment, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = ["chat_model", "position", "provider", "upstream_model", *PRICES]
    list_display_links = ["chat_model", "upstream_model"]
    list_filter = ["provider", "chat_model"]
    list_select_related = ["chat_model", "provider"]
    search_fields = ["chat_model__name", "upstream_model"]
    ordering = ["chat_model__name", "position"]
    fields = ["chat_model", "position", "provider", "upstream_model", *PRICES]
    change_form_outer_before_template = "admin/streaming/route/test.html"


@admin.register(Completion)
class CompletionAdmin(ReadOnly, Uncounted, ModelAdmin):  # type: ignore[misc]  # as above
    list_display = [
        "started", "state_label", "caller", "user_id", "chat_model", "provider", "prompt_tokens",
        "completion_tokens", "cost", "first_content_ms", "speed", "finish_reason", "error_code",
    ]  # fmt: skip
    list_filter = ["state", DaysFilter, ModelFilter, ProviderFilter, "profile"]
    list_select_related = ["caller"]
    search_fields = ["id", "user_id"]
    search_help_text = _("The whole id of a completion or of a user")
    ordering = ["-started_at"]
    show_facets = admin.ShowFacets.NEVER  # a count for each choice of each filter
    texts = ["text", "reasoning"]

    @admin.display(description=_("started at"))
    def started(self, completion: Completion) -> str:
        at = date_format(timezone.localtime(completion.started_at), "Y-m-d H:i:s")
        return format_html('<span class="whitespace-nowrap">{}</span>', at)

    @display(  # type: ignore[untyped-decorator]  # as above
        description=_("state"),
        ordering="state",
        label={
            "streaming": "info",
            "completed": "success",
            "failed": "danger",
            "stopped": "warning",
            "disconnected": "warning",
            "interrupted": "danger",
        },
    )
    def state_label(self, completion: Completion) -> tuple[str, str]:
        return completion.state, completion.get_state_display()

    @admin.display(description=_("cost (CNY)"))
    def cost(self, completion: Completion) -> str:
        return "" if completion.cost_cny is None else usage_page.yuan(completion.cost_cny)

    @admin.display(description=_("tokens/s"))
    def speed(self, completion: Completion) -> str:
        return "" if completion.tokens_per_s is None else f"{completion.tokens_per_s:.1f}"

    def get_exclude(self, request: HttpRequest, obj: Completion | None = None) -> list[str]:
        """Texts are for who has the permission, and only as long as the server stores any."""
        if settings.CHAT_STORE_TEXT and request.user.has_perm("streaming.read_text"):
            return []
        return self.texts

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Completion], search_term: str
    ) -> tuple[QuerySet[Completion], bool]:
        """Whole ids, which have an index; Django's own search compares every row."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=uuid.UUID(term)), False
        except ValueError:
            return queryset.filter(user_id=term.replace("\0", "")), False


@admin.register(UsageHour)
class UsageHourAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # as above
    """A page of its own in place of a list of hours."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Chat usage and cost"),
            "opts": self.opts,
            **usage_page.context(request),
        }
        return TemplateResponse(request, "admin/streaming/usagehour/page.html", context)
