"""Tells listeners of a chat's end, in the transaction that records it: they have heard of every completed row.

A lost transaction (process killed, database down) leaves neither the row nor what listeners wrote; the recorder writes
it again, and a listener may be told of one chat twice.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from prometheus_client import Counter

from foundation.hooks import activity
from streaming.models import Completion

logger = logging.getLogger(__name__)

UNTOLD_CHATS = Counter("rivermouth_completed_chats_untold", "Completed chats that nobody could be told of: see the log")


def follow(completions: Sequence[Completion]) -> None:
    """Raises: OperationalError, InterfaceError, if the database is down: the whole batch must be written again."""
    for completion in completions:
        has_answer = completion.state == Completion.State.COMPLETED and not completion.error_code
        if has_answer and completion.app_id is not None and completion.user_id:
            _tell(completion, completion.app_id)


def _tell(completion: Completion, app_id: int) -> None:
    def count_between(since: datetime, until: datetime) -> int:
        chats = Completion.objects.completed_by(app_id=app_id, user_id=completion.user_id)
        return chats.filter(finished_at__range=(since, until)).count()

    chat = activity.Activity(
        kind="chat",
        app_id=app_id,
        user_id=completion.user_id,
        occurred_at=completion.finished_at or completion.started_at,
        count_between=count_between,
    )
    try:
        with transaction.atomic():
            activity.tell(chat)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # a failing listener must not cost the chat its record
        logger.exception("Listeners could not be told of the completed chat %s", completion.id)
        UNTOLD_CHATS.inc()
