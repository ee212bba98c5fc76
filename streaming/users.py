"""The chats of a user who gets another id, or who is erased."""

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from redis.exceptions import RedisError

from foundation.access.credentials import Credential
from foundation.access.models import ApiKey
from foundation.hooks.users import Counts, Erasing, Renaming
from streaming.conversations import history
from streaming.models import Completion, Conversation, Message
from streaming.resuming import event_log, stops

logger = logging.getLogger(__name__)

BATCH_ROWS = 500
# A turn that is stopped ends within a moment, and then writes the end of its log.
STOPPED_WITHIN_S = 3.0
LOOK_EVERY_S = 0.1


def rename(renaming: Renaming) -> Counts:
    """Chats and conversations of the earlier id become the user's, who can read, resume and stop them."""
    new_owner = dict(zip(_owners(renaming, renaming.previous_id), _owners(renaming, renaming.user_id), strict=True))
    owner = Case(*[When(owner=old, then=Value(new)) for old, new in new_owner.items()], default=F("owner"))
    rows = Completion.objects.filter(_mine(renaming, [renaming.previous_id]))
    with_log = rows.filter(_has_log(renaming.now), owner__in=new_owner)
    logs = {key: new_owner[old] for key, old in with_log.values_list("id", "owner")}
    chats = rows.update(user_id=renaming.user_id, owner=owner)
    conversations = Conversation.objects.filter(owner__in=new_owner).update(owner=owner)
    transaction.on_commit(lambda: event_log.give_to(logs))
    return {"chats": chats, "conversations": conversations}


def erase(erasing: Erasing) -> Counts:
    """Texts go, and running chats are stopped; the usage of all chats stays, under an id that leads to nobody."""
    owners = [owner for user_id in erasing.user_ids for owner in _owners(erasing, user_id)]
    counts = {"chats": 0, "conversations": 0, "messages": 0}
    _delete(Q(owner__in=owners, created_at__lte=erasing.until), counts)
    rows = Completion.objects.filter(_mine(erasing, erasing.user_ids), started_at__lte=erasing.until)
    while ids := list(rows.values_list("id", flat=True)[:BATCH_ROWS]):
        _delete(Q(messages__completion__in=ids), counts)
        _end_logs(ids)
        counts["chats"] += Completion.objects.filter(id__in=ids).update(
            user_id=erasing.anonymous_id,
            owner=f"user:{erasing.anonymous_id}",
            text="",
            reasoning="",
            error_detail="",
        )
    return counts


def _mine(change: Renaming | Erasing, user_ids: Collection[str]) -> Q:
    app = Q(app_id=change.app_id)
    return Q(user_id__in=user_ids) & (app | Q(app_id=None) if change.has_chats_without_app else app)


def _owners(change: Renaming | Erasing, user_id: str) -> list[str]:
    """The owners of what this user started, whoever made the tokens; in an order that does not depend on the user."""
    return [credential.owner for credential in _credentials(change, user_id)]


def _credentials(change: Renaming | Erasing, user_id: str) -> Iterator[Credential]:
    app_ids = [change.app_id, None] if change.has_chats_without_app else [change.app_id]
    for caller_id in ApiKey.objects.order_by("user_id").values_list("user_id", flat=True).distinct():
        for app_id in app_ids:
            yield Credential(name="", caller_id=caller_id, app_id=app_id, user_id=user_id)
    if change.has_chats_without_app:
        for kid in sorted(settings.USER_TOKEN_SHARED_SECRETS):
            yield Credential(name=f"shared:{kid}", caller_id=None, app_id=None, user_id=user_id)


def _has_log(now: datetime) -> Q:
    return Q(finished_at=None) | Q(finished_at__gt=now - timedelta(seconds=settings.CHAT_LOG_TTL_S))


def _delete(wanted: Q, counts: dict[str, int]) -> None:
    for conversation in Conversation.objects.filter(wanted).distinct():
        counts["messages"] += Message.objects.filter(conversation=conversation).count()
        counts["conversations"] += 1
        history.delete(conversation)


def _end_logs(ids: Sequence[UUID]) -> None:
    """Stop what runs, and remove what can be replayed. A turn that does not stop in time keeps an ownerless log, which
    nobody can read, for as long as logs live.
    """
    running = Completion.objects.filter(id__in=ids, finished_at=None)
    try:
        for completion_id in running.values_list("id", flat=True):
            stops.tell(completion_id)
        give_up_at = time.monotonic() + STOPPED_WITHIN_S
        while running.exists() and time.monotonic() < give_up_at:
            time.sleep(LOOK_EVERY_S)
        event_log.forget(ids, running=set(running.values_list("id", flat=True)))
    except (RedisError, OSError):
        logger.warning("Logs of an erased user's chats stay until they expire: Redis is not available")
