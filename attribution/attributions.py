"""Which ad a user came from: one stored answer per user, of the platform or of our own clicks."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from attribution import bulk
from attribution.models import Attribution, Conversion, State
from attribution.ocean_engine import AdAnswer

# Another event of the user within this time shares the first one's "not attributed" instead of asking again.
FRESH_FOR = timedelta(seconds=20)

# (app id, user id)
User = tuple[int, str]


def stored(users: Collection[User]) -> dict[User, Attribution]:
    """What is known about these users."""
    return {(row.app_id, row.user_id): row for row in Attribution.objects.filter(_of(users))}


def is_fresh(attribution: Attribution, now: datetime) -> bool:
    return attribution.asked_at > now - FRESH_FOR


def from_answer(conversion: Conversion, answer: AdAnswer, *, now: datetime) -> Attribution:
    """The platform's answer about this event's user, not saved yet."""
    row = Attribution(app_id=conversion.app_id, user_id=conversion.user_id, asked_at=now)
    if not answer.is_attributed:
        row.reason = "no_ad_known"
        return row
    row.is_attributed = True
    row.source = Attribution.Source.PLATFORM
    row.reason = "platform"
    row.callback_param = answer.callback_param or ""
    row.touched_at = answer.touched_at
    row.activated_at = answer.activated_at or conversion.occurred_at
    row.attributed_at = now
    for name, value in answer.ad.items():
        setattr(row, name, value)
    return row


def save(rows: Sequence[Attribution]) -> dict[User, Attribution]:
    """Store the answers and return what is known now: an ad, once found, stays."""
    if not rows:
        return {}
    bulk.upsert(rows, unique=["app", "user_id"], unless="is_attributed")
    return stored({(row.app_id, row.user_id) for row in rows})


def wake(users: Collection[User], *, now: datetime) -> None:
    """Make the organic events of users who have an ad after all due at once."""
    if users:
        waiting = Conversion.objects.filter(state=State.ORGANIC, due_at__gt=now, lease_token=None)
        waiting.filter(_of(users)).update(due_at=now)


def _of(users: Collection[User]) -> Q:
    """Rows of these users, in one query."""
    users_by_app: dict[int, list[str]] = {}
    for app_id, user_id in users:
        users_by_app.setdefault(app_id, []).append(user_id)
    wanted = Q(pk__in=[])
    for app_id, user_ids in users_by_app.items():
        wanted |= Q(app_id=app_id, user_id__in=user_ids)
    return wanted
