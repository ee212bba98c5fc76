"""The API's shapes: incoming events, and their state and attempts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from attribution.devices.device_ids import is_absent
from attribution.events.intake import Receipt
from attribution.events.reported import ReportedEvent
from attribution.models import Attempt, Attribution, Conversion
from attribution.platforms.platform import Ad, AdLevel
from attribution.platforms.registry import ad_levels

# Clocks of phones run ahead; such a time is taken as now (`reading`).
MAX_AHEAD = timedelta(minutes=15)
MAX_AMOUNT_FEN = 10**12
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
OPTIONAL_TEXT: dict[str, Any] = {**OPTIONAL, "allow_blank": True}
_NUMBER = re.compile(r"-?[0-9]+(?:\.0*)?")
_UNIX_TIME = re.compile(r"(?:[0-9]{9,10}|[0-9]{12,13})(?:\.[0-9]+)?")
# What clients send while nobody is signed in; as a user id it would make all phones one user.
NOBODY = {
    "-1", "-1.0", "guest", "anonymous", "anon", "nan", "false", "true", "nobody", "object object", "\\n",
    "visitor", "tourist", "nologin", "no_login", "not_login", "notlogin", "unlogin", "optional(nil", "user_id",
    "userid", "%s", "%d", "ffffffff-ffff-ffff-ffff-ffffffffffff", "游客", "访客", "匿名", "匿名用户", "未登录",
}  # fmt: skip


def check_user_id(user_id: str) -> None:
    """Raises: `ValidationError`, if this is what clients send while nobody is signed in."""
    word = user_id.strip("\"'()<>[]$ ").lower()
    if user_id and (word in NOBODY or is_absent(word)):
        raise serializers.ValidationError(
            f"{user_id!r} is a placeholder, not a user: all phones that send it would become one user."
        )


@extend_schema_field({"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]})
class MomentField(serializers.DateTimeField):
    """ISO 8601 with a time zone, or Unix time in seconds or milliseconds. A guessed zone would be hours off."""

    default_error_messages = {"no_zone": "Time zone missing: write 2026-11-30T20:52:43+08:00, or Unix time."}

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values(None if data == "" else data)

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str | int | float) and _UNIX_TIME.fullmatch(text := str(value).strip()):
            number = float(text)
            value = datetime.fromtimestamp(number / 1000 if number >= 10**11 else number, UTC)
        return super().to_internal_value(value)

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            self.fail("no_zone")
        return super().enforce_timezone(value)


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class EventNameField(serializers.CharField):
    """One of our words, a word or number of a platform, or the app's own name for an event (its rules)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=32, **kwargs)


class FenField(serializers.IntegerField):
    """A number, or one as text, without the other forms that `int` accepts ("1_999", digits of other scripts)."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not _NUMBER.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class CountedSerializer(serializers.Serializer[ReportedEvent]):
    """The fields that identify an event or count: a value that can't be read refuses the event.

    Optional fields may be null, which many clients send for "none".
    """

    event = EventNameField(
        help_text="One of our words, a platform's word or number, or a name that the app's rules know."
    )
    user_id = serializers.CharField(
        max_length=128, help_text="May be left out with `clickid` or `callback`.", **OPTIONAL_TEXT
    )
    amount = FenField(min_value=0, max_value=MAX_AMOUNT_FEN, help_text="In fen (分).", **OPTIONAL)
    outer_event_id = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    occurred_at = MomentField(**OPTIONAL)
    app = serializers.CharField(max_length=50, **OPTIONAL_TEXT)
    test = serializers.BooleanField(help_text="Joint debugging: sent each time, in no statistic.", **OPTIONAL)

    def validate_user_id(self, user_id: str | None) -> str | None:
        check_user_id(user_id or "")
        return user_id

    def validate_outer_event_id(self, outer_event_id: str | None) -> str | None:
        if outer_event_id and is_absent(outer_event_id):
            raise serializers.ValidationError(
                f"{outer_event_id!r} is a placeholder: all events that send it would become one event."
            )
        return outer_event_id

    def validate_occurred_at(self, moment: datetime | None) -> datetime | None:
        now = timezone.now()
        if moment and moment > now + MAX_AHEAD:
            raise serializers.ValidationError(f"{moment.isoformat()} is more than 15 minutes in the future.")
        if moment and moment < now - timedelta(days=settings.EVENT_MAX_AGE_DAYS):
            raise serializers.ValidationError(
                f"{moment.isoformat()} is more than {settings.EVENT_MAX_AGE_DAYS} days ago, too old to be reported."
            )
        return moment


class EventSerializer(CountedSerializer):
    """One event as an app reports it. What is known of a user (system, ids, channel) need not be sent again.

    System, ids, channel and network are hints (`hints.py`): a value that can't be used is dropped, and named in the
    answer's `ignored`.
    """

    os = serializers.CharField(help_text="`android`, `ios`, `harmony`, or a platform's number for it.", **OPTIONAL_TEXT)
    android_id = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    idfv = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    oaid = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    imei = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    idfa = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    caid = serializers.CharField(max_length=1024, **OPTIONAL_TEXT)
    mac = serializers.CharField(max_length=64, **OPTIONAL_TEXT)
    channel = serializers.CharField(max_length=64, **OPTIONAL_TEXT)
    ip = serializers.CharField(help_text="The phone's. Default for user tokens: the request's.", **OPTIONAL_TEXT)
    user_agent = serializers.CharField(max_length=1024, **OPTIONAL_TEXT)
    properties = serializers.DictField(
        help_text="More about the event, by the platform's names. Passed on to the platform.", **OPTIONAL
    )
    clickid = serializers.CharField(
        max_length=4096, help_text="The platform's callback parameter, from a landing page's address.", **OPTIONAL_TEXT
    )
    callback = serializers.CharField(max_length=4096, help_text="The same as `clickid`.", **OPTIONAL_TEXT)


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """The outcome of an event."""

    id = serializers.UUIDField()
    status = serializers.CharField(source="state")
    duplicate = serializers.BooleanField(source="is_duplicate")
    ignored = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="What of the event was mended or not used, and why, by field. Only if there is any.",
    )


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = ["kind", "outcome", "started_at", "duration_ms", "http_status", "code", "message"]
        read_only_fields = fields


class ConversionSerializer(serializers.ModelSerializer[Conversion]):
    status = serializers.CharField(source="state")
    amount = serializers.IntegerField(source="amount_fen", allow_null=True)
    advertiser_id = serializers.CharField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(source="due_at", allow_null=True)
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Conversion
        fields = [
            "id", "event", "app_event", "properties", "user_id", "os", "amount",
            "outer_event_id", "occurred_at", "received_at", "status",
            "reason", "detail", "warning", "rule", "advertiser_id", "next_attempt_at", "finished_at", "attempts",
        ]  # fmt: skip
        read_only_fields = fields


class AdIdField(serializers.CharField):
    """The id of one level of the ad, under the platform's name for that level."""

    def get_attribute(self, instance: Attribution) -> str | None:
        ids = (level.id for level in _levels(instance) if level.id_field == self.field_name)
        return None if (found := next(ids, None)) is None else str(found)


class AdNameField(serializers.CharField):
    """The name of one level of the ad."""

    def get_attribute(self, instance: Attribution) -> str:
        return next((level.name for level in _levels(instance) if level.name_field == self.field_name), "")


def _levels(row: Attribution) -> list[AdLevel]:
    return ad_levels(row.platform, Ad.of(row))


class AttributionSerializer(serializers.ModelSerializer[Attribution]):
    """Ids are texts: they can be larger than a browser's numbers."""

    attributed = serializers.BooleanField(source="is_attributed")
    suspicious = serializers.BooleanField(source="is_suspicious")
    advertiser_id = serializers.CharField(allow_null=True)
    project_id = AdIdField(allow_null=True)
    project_name = AdNameField()
    promotion_id = AdIdField(allow_null=True)
    promotion_name = AdNameField()
    campaign_id = AdIdField(allow_null=True)
    campaign_name = AdNameField()
    aid = AdIdField(allow_null=True)
    aid_name = AdNameField()
    cid = AdIdField(allow_null=True)
    cid_name = AdNameField()

    class Meta:
        model = Attribution
        fields = [
            "user_id", "attributed", "source", "reason", "detail", "advertiser_id", "project_id", "project_name",
            "promotion_id", "promotion_name", "campaign_id", "campaign_name", "aid", "aid_name", "cid", "cid_name",
            "touched_at", "activated_at", "attributed_at", "click_to_install_s", "suspicious", "asked_at",
        ]  # fmt: skip
        read_only_fields = fields
