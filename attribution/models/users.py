"""An app's users, identified by ids that mean something only to the app."""

from collections.abc import Collection

from django.db.models import Q

# (app id, user id)
User = tuple[int, str]


def users_in(users: Collection[User]) -> Q:
    """Rows of these users, in one query."""
    users_by_app: dict[int, list[str]] = {}
    for app_id, user_id in users:
        users_by_app.setdefault(app_id, []).append(user_id)
    wanted = Q(pk__in=[])
    for app_id, user_ids in users_by_app.items():
        wanted |= Q(app_id=app_id, user_id__in=user_ids)
    return wanted
