"""An app's users, identified by ids that mean something only to the app."""

from collections.abc import Collection

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Q

from attribution.models.apps import App

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


class UserAliases(models.Manager["UserAlias"]):
    def owners(self, users: Collection[User]) -> dict[User, User]:
        """The users to whom these ids belong, by id; ids that are nobody's earlier id are left out.

        Every batch of events of an app with aliases asks, so it is one plain statement.
        """
        app_ids, user_ids = (list(dict.fromkeys(each)) for each in zip(*users, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(_OWNERS, [app_ids, user_ids])
            found = {(app_id, previous): (app_id, user_id) for app_id, previous, user_id in cursor.fetchall()}
        return {user: found[user] for user in users if user in found} if found else {}

    def owner(self, app_id: int, user_id: str) -> str:
        """The user to whom this id belongs: itself, unless it is an earlier id of somebody."""
        return self.owners([(app_id, user_id)]).get((app_id, user_id), (app_id, user_id))[1]


class UserAlias(models.Model):
    """An earlier id of a user, such as the anonymous one before the login: what comes under it is the user's.

    `user_id` is never an earlier id itself: when a user gets another id, all earlier ids move on to it.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+", db_index=False)
    previous_id = models.CharField(max_length=128)
    user_id = models.CharField(max_length=128)
    # When it last got another user: for a while, events that were on their way may still be stored under it.
    moved_at = models.DateTimeField()

    objects = UserAliases()

    class Meta:
        constraints = [
            # An id of two users would give one's events to the other. Also serves the look-up for events.
            models.UniqueConstraint(fields=["app", "previous_id"], name="user_alias_once")
        ]
        indexes = [
            # The earlier ids of a user, who gets another id or is erased.
            models.Index(fields=["app", "user_id"], name="user_alias_of_user"),
            # Those that moved a moment ago (`aliasing.move_late`).
            models.Index(fields=["moved_at"], name="user_alias_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.previous_id} → {self.user_id}"


class Erasure(models.Model):
    """A user who is being erased. The row is gone as soon as nothing of the user can turn up any more."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+", db_index=False)
    user_id = models.CharField(max_length=128)
    previous_ids = ArrayField(models.CharField(max_length=128), default=list)
    anonymous_id = models.CharField(max_length=128)
    has_chats_without_app = models.BooleanField()
    # Some records were with a worker, whose answer may still bring something of the user.
    was_in_flight = models.BooleanField(default=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Interrupted and begun again under a second id, one user would become two in the statistics.
            models.UniqueConstraint(fields=["app", "user_id"], condition=Q(ended_at=None), name="erasure_once")
        ]

    def __str__(self) -> str:
        return self.anonymous_id

    @property
    def user_ids(self) -> frozenset[str]:
        return frozenset([self.user_id, *self.previous_ids])


_OWNERS = f"""
    SELECT app_id, previous_id, user_id FROM {UserAlias._meta.db_table}
    WHERE app_id = ANY(%s) AND previous_id = ANY(%s)
"""  # noqa: S608  # the table's name is ours
