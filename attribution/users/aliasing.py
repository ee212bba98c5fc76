"""One user under two ids, such as the anonymous one before a login: what came under the earlier one is the user's.

1. Aliases and erasures of an app's users happen one after another (`locked`), so that no id gets two users.
2. In one transaction the alias is stored and all rows move (`foundation.hooks.users`): nothing or everything.
3. From then on intake stores events that still come under the earlier id as the user's own.
4. An event that was being stored at that moment, or an answer that a worker was waiting for, may still come under the
   earlier id: the sweep moves them (`move_late`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from attribution.announcing import live_feed, nudging
from attribution.events import known_apps
from attribution.events.reported import SAME_USER
from attribution.models import Attribution, Conversion, UserAlias
from foundation.hooks import users
from foundation.hooks.users import Renaming

# The first of the two numbers of these advisory locks; the second one is the app.
LOCK = 0x5A11A5
# Longer than any request or lease.
LATE_FOR = timedelta(hours=1)
LATE_AT_ONCE = 1000


class BelongsToAnother(Exception):  # noqa: N818  # a caller's mistake, not a failure
    """The earlier id is another user's already: two people who use one phone must not become one."""


def alias(
    app_id: int, *, user_id: str, previous_id: str, has_chats_without_app: bool, now: datetime
) -> Mapping[str, int]:
    """Returns how many rows were moved, by kind: nothing the second time. Raises: BelongsToAnother."""
    with transaction.atomic():
        locked(app_id)
        owners = UserAlias.objects.owners([(app_id, user_id), (app_id, previous_id)])
        _app, user_id = owners.get((app_id, user_id), (app_id, user_id))
        _app, owner = owners.get((app_id, previous_id), (app_id, user_id))
        if owner != user_id:
            raise BelongsToAnother
        if previous_id == user_id:  # the other way round it is known already
            return {}
        if (app_id, previous_id) not in owners:
            _store(app_id, user_id=user_id, previous_id=previous_id, now=now)
        renaming = Renaming(
            app_id=app_id,
            previous_id=previous_id,
            user_id=user_id,
            has_chats_without_app=has_chats_without_app,
            now=now,
        )
        counts = users.rename(renaming)
        transaction.on_commit(lambda: known_apps.forget(app_id))
        transaction.on_commit(nudging.nudge)
        transaction.on_commit(live_feed.announce_change)
    return counts


def move_late(now: datetime) -> int:
    """Move what came under an earlier id at the moment of its alias; returns of how many ids."""
    mine = {"app_id": OuterRef("app_id"), "user_id": OuterRef("previous_id")}
    recent = UserAlias.objects.filter(moved_at__gt=now - LATE_FOR)
    answers = Attribution.objects.filter(**mine).exclude(reason=SAME_USER)
    with_rows = recent.filter(Exists(Conversion.objects.filter(**mine)) | Exists(answers))
    late = list(with_rows[:LATE_AT_ONCE])
    for each in late:
        alias(each.app_id, user_id=each.user_id, previous_id=each.previous_id, has_chats_without_app=False, now=now)
    return len(late)


def locked(app_id: int) -> None:
    """Wait for other aliases and erasures of this app's users; until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s::int)", [LOCK, app_id])


def _store(app_id: int, *, user_id: str, previous_id: str, now: datetime) -> None:
    """Keep it flat: the earlier ids of the earlier id are the user's, too."""
    UserAlias.objects.filter(app_id=app_id, user_id=previous_id).update(user_id=user_id, moved_at=now)
    UserAlias.objects.create(app_id=app_id, user_id=user_id, previous_id=previous_id, moved_at=now)
