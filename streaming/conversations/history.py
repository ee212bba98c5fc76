"""Stored conversations: a turn begins with the history, and its answer is stored with its completion.

Only with `CHAT_STORE_TEXT`; without it no chat text is in the database. If the process is killed half-way: the question
was stored before the provider was asked, its answer stays empty, and the sweep marks the answer's completion
interrupted.

All functions here use the database: call them off the event loop.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from streaming.models import Completion, Conversation, Message
from streaming.wire.faults import Fault

_TITLE_LENGTH = 60
# Three bytes of UTF-8 are about one token: one Chinese character, or three to four Latin letters.
_BYTES_PER_TOKEN = 3

ChatMessage = dict[str, str]


def storage_is_off() -> Fault:
    return Fault("storage_off", "This server stores no conversations.", status=403, param="conversation")


def begin_turn(
    *, owner: str, conversation_id: UUID, text: str, completion_id: UUID, now: dt.datetime
) -> list[ChatMessage]:
    """Store the question and an empty answer; return the messages for the provider. Raises: Fault 403, 404."""
    if not settings.CHAT_STORE_TEXT:
        raise storage_is_off()
    with transaction.atomic():
        conversation = Conversation.objects.of(owner).select_for_update().filter(id=conversation_id).first()
        if conversation is None:
            message = f"There is no conversation {str(conversation_id)!r}."
            raise Fault("not_found", message, status=404, param="conversation")
        history = list(conversation.messages.select_related("completion").order_by("pk"))
        question = Message(conversation=conversation, role=Message.Role.USER, question=text, created_at=now)
        answer = Message(
            conversation=conversation, role=Message.Role.ASSISTANT, completion_id=completion_id, created_at=now
        )
        Message.objects.bulk_create([question, answer])
        conversation.updated_at = now
        conversation.title = conversation.title or text.strip()[:_TITLE_LENGTH]
        conversation.save(update_fields=["updated_at", "title"])
    return trim([*history, question], max_tokens=settings.CHAT_HISTORY_MAX_TOKENS)


def delete(conversation: Conversation) -> None:
    """Delete the conversation with all its texts; the usage of its answers stays on record.

    Locks the conversation, then its messages, then their completions, in the order of `begin_turn` and the recorder.
    """
    with transaction.atomic():
        Conversation.objects.select_for_update().filter(pk=conversation.pk).first()
        answers = list(conversation.messages.exclude(completion=None).values_list("completion_id", flat=True))
        conversation.delete()
        Completion.objects.filter(id__in=answers).update(text="", reasoning="")


def forget_deleted(completions: Sequence[Completion]) -> None:
    """Remove the text of answers whose conversation has been deleted. Call it in the transaction that writes them.

    The lock makes a concurrent deletion wait until the text is written and can be deleted.
    """
    with_text = [completion for completion in completions if completion.text or completion.reasoning]
    if not with_text:
        return
    ids = [completion.id for completion in with_text]
    messages = Message.objects.select_for_update(no_key=True).filter(completion_id__in=ids).order_by("pk")
    kept = set(messages.values_list("completion_id", flat=True))
    for completion in with_text:
        if completion.id not in kept:
            completion.text = completion.reasoning = ""


def trim(messages: Iterable[Message], *, max_tokens: int) -> list[ChatMessage]:
    """The newest messages that fit; the last one is always kept, and empty ones (failed answers) are left out."""
    kept: list[ChatMessage] = []
    tokens_left = max_tokens
    for message in reversed([message for message in messages if message.content]):
        tokens_left -= len(message.content.encode()) // _BYTES_PER_TOKEN + 1
        if kept and tokens_left < 0:
            break
        kept.append({"role": message.role, "content": message.content})
    return kept[::-1]
