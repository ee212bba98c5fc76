"""Completions, read-only."""

import uuid

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from foundation.admin_lists import ReadOnly, Uncounted
from streaming.admin import conversations, usage_page  # noqa: F401  # registers the conversations
from streaming.admin.filters import DaysFilter, ModelFilter, ProviderFilter
from streaming.models import Completion


@admin.register(Completion)
class CompletionAdmin(ReadOnly, Uncounted):
    list_display = [
        "started", "state_label", "caller", "user_id", "chat_model", "provider", "prompt_tokens",
        "completion_tokens", "cost", "first_content_ms", "speed", "finish_reason", "error_code",
    ]  # fmt: skip
    list_filter = ["state", DaysFilter, ModelFilter, ProviderFilter, "profile"]
    list_select_related = ["caller"]
    search_fields = ["id", "user_id"]
    search_help_text = _("The whole id of a completion or of a user")
    ordering = ["-started_at"]
    show_facets = admin.ShowFacets.NEVER  # facets run a count for each choice of each filter
    texts = ["text", "reasoning"]

    @admin.display(description=_("started at"))
    def started(self, completion: Completion) -> str:
        at = date_format(timezone.localtime(completion.started_at), "Y-m-d H:i:s")
        return format_html('<span class="whitespace-nowrap">{}</span>', at)

    @display(
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
        """Texts are shown only to people with the permission, and only while the server stores any."""
        if settings.CHAT_STORE_TEXT and request.user.has_perm("streaming.read_text"):
            return []
        return self.texts

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Completion], search_term: str
    ) -> tuple[QuerySet[Completion], bool]:
        """Search for whole ids, which are indexed; Django's own search compares every row."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=uuid.UUID(term)), False
        except ValueError:
            return queryset.filter(user_id=term.replace("\0", "")), False
