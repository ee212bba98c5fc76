"""The API's shapes: an alias, and the receipts of aliases and erasures."""

from typing import Any

from rest_framework import serializers

from attribution.events.serializers import OPTIONAL_TEXT, check_user_id


class UserIdField(serializers.CharField):
    """The app's id of a user; placeholders are refused, as in events."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128, validators=[check_user_id], **kwargs)


class AliasSerializer(serializers.Serializer[None]):
    """Two ids of one user."""

    user_id = UserIdField(help_text="The id that the user has from now on.")
    previous_id = UserIdField(help_text="The id before it, such as the anonymous one of the first launch.")
    app = serializers.CharField(
        max_length=50, help_text="The app's short name, for a key without an app.", **OPTIONAL_TEXT
    )

    def validate(self, ids: dict[str, Any]) -> dict[str, Any]:
        if ids["user_id"] == ids["previous_id"]:
            raise serializers.ValidationError({"previous_id": ["The same as user_id."]})
        return ids


class MovedSerializer(serializers.Serializer[Any]):
    """How many rows belong to the user since this call; all 0 if they did already."""

    events = serializers.IntegerField(default=0)
    repeated_events = serializers.IntegerField(
        default=0, help_text="Of once-only events that both ids had: they are not reported, or no longer counted."
    )
    attributions = serializers.IntegerField(default=0)
    chats = serializers.IntegerField(default=0)
    conversations = serializers.IntegerField(default=0)


class AliasReceiptSerializer(serializers.Serializer[Any]):
    moved = MovedSerializer()


class RemovedSerializer(serializers.Serializer[Any]):
    """How many rows have lost everything personal; all 0 if there was nothing of this user."""

    events = serializers.IntegerField(default=0)
    attempts = serializers.IntegerField(default=0)
    attributions = serializers.IntegerField(default=0)
    clicks = serializers.IntegerField(default=0)
    previous_ids = serializers.IntegerField(default=0)
    chats = serializers.IntegerField(default=0)
    conversations = serializers.IntegerField(default=0, help_text="Deleted, with their messages.")
    messages = serializers.IntegerField(default=0)


class ErasureReceiptSerializer(serializers.Serializer[Any]):
    removed = RemovedSerializer()
