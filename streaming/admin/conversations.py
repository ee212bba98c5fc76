"""Stored conversations, read-only, for anyone who may read texts, while the server stores any."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from foundation.admin_lists import ReadOnly, Uncounted
from streaming.models import Completion, Conversation, Message

# The newest messages of one conversation.
SHOWN_MESSAGES = 200


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, Uncounted):
    """Everything here is users' text, including the title."""

    list_display = ["last_turn", "title_or_id", "whose", "created_at"]
    list_display_links = ["last_turn", "title_or_id"]
    search_fields = ["id"]
    search_help_text = _("The whole id of a conversation or of a user")
    ordering = ["-updated_at"]
    fields = ["title", "whose", "created_at", "updated_at", "messages"]
    readonly_fields = ["whose", "messages"]

    @admin.display(description=_("last turn"))
    def last_turn(self, conversation: Conversation) -> str:
        return date_format(timezone.localtime(conversation.updated_at), "Y-m-d H:i:s")

    @admin.display(description=_("title"))
    def title_or_id(self, conversation: Conversation) -> str:
        return str(conversation)

    @admin.display(description=_("whose it is"))
    def whose(self, conversation: Conversation) -> str:
        return conversation.owner

    @admin.display(description=_("messages"))
    def messages(self, conversation: Conversation) -> str:
        newest = conversation.messages.select_related("completion").order_by("-pk")[: SHOWN_MESSAGES + 1]
        messages = list(newest)
        context = {"messages": messages[:SHOWN_MESSAGES][::-1], "are_more": len(messages) > SHOWN_MESSAGES}
        return render_to_string("admin/streaming/conversation/messages.html", context)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return settings.CHAT_STORE_TEXT and request.user.has_perm("streaming.read_text")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Search by index only: the conversation's id, or the user's id by way of the completions."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(id=uuid.UUID(term)), False
        except ValueError:
            answers = Message.objects.filter(completion__in=Completion.objects.filter(user_id=term))
            return queryset.filter(id__in=answers.values("conversation_id")), False
