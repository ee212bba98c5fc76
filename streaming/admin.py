"""Providers, models and routes to edit; completions to read."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from streaming.models import ChatModel, Completion, Provider, Route


@admin.register(Provider)
class ProviderAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    list_display = ["slug", "dialect", "base_url", "api_key_env"]
    search_fields = ["slug"]


class RouteInline(TabularInline):  # type: ignore[misc]  # unfold has no type information
    model = Route
    extra = 0
    fields = ["position", "provider", "upstream_model"]
    ordering = ["position"]


@admin.register(ChatModel)
class ChatModelAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    inlines = [RouteInline]


@admin.register(Completion)
class CompletionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    """A log of the world: read-only."""

    list_display = [
        "started_at",
        "state",
        "caller",
        "chat_model",
        "provider",
        "prompt_tokens",
        "completion_tokens",
        "first_content_ms",
        "speed",
        "finish_reason",
        "error_code",
    ]
    list_filter = ["state", "profile", "is_stream", "chat_model", "provider", "started_at"]
    list_select_related = ["caller"]
    search_fields = ["id", "user_id"]
    ordering = ["-started_at"]
    show_full_result_count = False  # a COUNT(*) of the whole table on every page

    @admin.display(description=_("tokens/s"))
    def speed(self, completion: Completion) -> str:
        return "" if completion.tokens_per_s is None else f"{completion.tokens_per_s:.1f}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Completion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Completion | None = None) -> bool:
        return False
