"""Stored chats and their messages."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from streaming.models.completions import Completion


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, owner: str) -> "ConversationQuerySet":
        return self.filter(owner=owner)


class Conversation(models.Model):
    """A stored chat of one user, as long as `CHAT_STORE_TEXT` is on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Who owns it: access.Credential.owner.
    owner = models.CharField(max_length=400, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            # The owner's list, newest first, page by page.
            models.Index(fields=["owner", "-updated_at", "-id"], name="conversation_of_owner"),
            # The admin's list, newest first.
            models.Index(fields=["-updated_at"], name="conversation_by_time"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Message(models.Model):
    """One message of a conversation. An answer's text and outcome are in its completion."""

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(_("role"), max_length=16, choices=Role)
    question = models.TextField(_("question"), blank=True)
    # Set for answers. No constraint: the recorder writes the completion's row a moment later.
    completion = models.OneToOneField(
        Completion, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="message"
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"

    @property
    def answer(self) -> Completion | None:
        """The completion of an answer; None also if its row has not been written (yet)."""
        try:
            return self.completion
        except Completion.DoesNotExist:
            return None

    @property
    def content(self) -> str:
        if self.role == Message.Role.USER:
            return self.question
        return self.answer.text if self.answer else ""
