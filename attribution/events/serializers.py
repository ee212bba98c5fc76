"""The API's shapes: incoming events, and their state and attempts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from attribution.devices.device_ids import is_absent
from attribution.events import event_words, known_apps
from attribution.events.intake import Receipt
from attribution.events.reported import ONCE_PER_USER, ReportedEvent
from attribution.models import Attempt, Attribution, Conversion, Event, Os
from attribution.platforms.platform import Ad, AdLevel, Platform
from attribution.platforms.registry import ad_levels, device_id_fields, platforms
from foundation.access.credentials import Credential

MAX_AHEAD = timedelta(minutes=5)
MAX_AMOUNT_FEN = 10**12
MAX_PROPERTIES_BYTES = 8 * 1024
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
OPTIONAL_TEXT: dict[str, Any] = {**OPTIONAL, "allow_blank": True}
_NUMBER = re.compile(r"-?[0-9]+(?:\.0*)?")
_UNIX_TIME = re.compile(r"(?:[0-9]{9,10}|[0-9]{12,13})(?:\.[0-9]+)?")
# What clients send while nobody is signed in; as a user id it would make all phones one user.
NOBODY = {
    "-1", "-1.0", "guest", "anonymous", "anon", "nan", "false", "true", "nobody", "object object", "\\n",
    "ffffffff-ffff-ffff-ffff-ffffffffffff", "游客", "访客", "匿名", "匿名用户", "未登录",
}  # fmt: skip
DEVICE_FIELDS = ["android_id", "idfv", "oaid", "imei", "idfa", "caid", "mac", "ip", "user_agent"]


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class WordOrNumberField(serializers.Field[str, Any, str, Any]):
    """One of our words, or the number that an ad platform's own interface uses for it."""

    default_error_messages = {"unknown": "{given!r} is not valid. Use one of: {known}."}

    def __init__(self, *, words: list[str], numbers: Callable[[Platform], Mapping[int, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._words, self._numbers = words, numbers

    def to_internal_value(self, data: Any) -> str:
        word = self._meanings.get(str(data)) if isinstance(data, str | int) and not isinstance(data, bool) else None
        if word is None:
            self.fail("unknown", given=data, known=", ".join(self._meanings))
        return word

    @cached_property
    def _meanings(self) -> dict[str, str]:
        """If two platforms use the same number, the first platform's meaning counts."""
        numbers = [self._numbers(platform) for platform in reversed(list(platforms().values()))]
        by_number = {str(number): word for each in numbers for number, word in each.items()}
        return {word: word for word in self._words} | by_number

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field({"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]})
class MomentField(serializers.DateTimeField):
    """ISO 8601 with a time zone, or Unix time in seconds or milliseconds. A guessed zone would be hours off."""

    default_error_messages = {"no_zone": "Time zone missing: write 2026-11-30T20:52:43+08:00, or Unix time."}

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


class PropertiesField(serializers.DictField):
    """An object of a bounded size."""

    default_error_messages = {"too_large": "More than {limit} bytes as JSON."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        properties: dict[str, Any] = super().to_internal_value(data)
        if len(msgspec.json.encode(properties)) > MAX_PROPERTIES_BYTES:
            self.fail("too_large", limit=MAX_PROPERTIES_BYTES)
        return properties


class FenField(serializers.IntegerField):
    """A number, or one as text, without the other forms that `int` accepts ("1_999", digits of other scripts)."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not _NUMBER.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class EventSerializer(serializers.Serializer[ReportedEvent]):
    """One event as an app reports it. Optional fields may be null, which many clients send for "none"."""

    event = EventNameField()
    user_id = serializers.CharField(max_length=128)
    os = WordOrNumberField(words=Os.values, numbers=lambda platform: platform.os_numbers)
    android_id = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    idfv = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    oaid = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    imei = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    idfa = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    caid = serializers.CharField(max_length=1024, **OPTIONAL_TEXT)
    mac = serializers.CharField(max_length=64, **OPTIONAL_TEXT)
    channel = serializers.CharField(max_length=64, **OPTIONAL_TEXT)
    amount = FenField(min_value=0, max_value=MAX_AMOUNT_FEN, help_text="In fen (分).", **OPTIONAL)
    outer_event_id = serializers.CharField(max_length=128, **OPTIONAL_TEXT)
    properties = PropertiesField(
        help_text="More about the event, by the platform's names. Passed on to the platform.", **OPTIONAL
    )
    occurred_at = MomentField(**OPTIONAL)
    ip = serializers.IPAddressField(**OPTIONAL_TEXT)
    user_agent = serializers.CharField(max_length=1024, **OPTIONAL_TEXT)
    app = serializers.CharField(max_length=50, **OPTIONAL_TEXT)

    def validate_user_id(self, user_id: str) -> str:
        word = user_id.strip("\"'()<>[]$ ").lower()
        if word in NOBODY or is_absent(word):
            raise serializers.ValidationError(
                f"{user_id!r} is a placeholder, not a user: all phones that send it would become one user."
            )
        return user_id

    def validate_occurred_at(self, moment: datetime | None) -> datetime | None:
        now = timezone.now()
        if moment and moment > now + MAX_AHEAD:
            raise serializers.ValidationError(f"{moment.isoformat()} is more than 5 minutes in the future.")
        if moment and moment < now - timedelta(days=settings.EVENT_MAX_AGE_DAYS):
            raise serializers.ValidationError(
                f"{moment.isoformat()} is more than {settings.EVENT_MAX_AGE_DAYS} days ago, too old to be reported."
            )
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if errors := _missing_device(attrs):
            raise serializers.ValidationError(errors)
        return attrs


# DRF copies all fields for each new instance, which costs more than validating an event.
_EVENT = EventSerializer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports, and the defaults for fields that an event leaves out. `app_id_of` finds an app by its slug."""

    credential: Credential
    ip: str
    user_agent: str
    app_id_of: Callable[[str], int | None]

    def read(self, item: Any, now: datetime) -> ReportedEvent:
        """One event of the request's JSON. Raises: `ValidationError`, whose detail names the fields."""
        given = {name: value for name, value in _EVENT.run_validation(item).items() if value not in (None, "")}
        app_id = self._app_id(given.get("app"))
        if errors := self._not_allowed(given, app_id):
            raise serializers.ValidationError(errors)
        meaning = event_words.meaning(given["event"], known_apps.get(app_id or 0))
        amount_fen = given.get("amount", meaning.amount_fen(given.get("properties")))
        if meaning.event == Event.PAY:
            _check_payment(amount_fen, given)
        device = {"ip": self.ip, "user_agent": self.user_agent}
        device |= {name: given[name] for name in DEVICE_FIELDS if not is_absent(given.get(name))}
        return ReportedEvent(
            app_id=app_id or 0,
            user_id=given["user_id"],
            event=meaning.event,
            app_event=meaning.app_event,
            properties=given.get("properties"),
            is_once_per_user=meaning.is_once_per_user,
            os=given["os"],
            device={name: value for name, value in device.items() if value},
            channel=given.get("channel", ""),
            amount_fen=None if meaning.event in ONCE_PER_USER else amount_fen,
            outer_event_id=given.get("outer_event_id", ""),
            occurred_at=given.get("occurred_at", now),
        )

    def _not_allowed(self, given: Mapping[str, Any], app_id: int | None) -> dict[str, list[str]]:
        own_user_id = self.credential.user_id
        errors = {}
        if own_user_id is not None and given["user_id"] != own_user_id:
            errors["user_id"] = [f"{given['user_id']!r} is not the user of this token."]
        if app_id is None:
            no_app = (
                f"There is no app {given['app']!r} for this key."
                if "app" in given
                else "Required: this key has no app of its own."
            )
            errors["app"] = [no_app]
        return errors

    def _app_id(self, slug: str | None) -> int | None:
        """None: no such app, none given, or not the token's."""
        own_id = self.credential.app_id
        app_id = self.app_id_of(slug) if slug else own_id
        is_foreign = self.credential.user_id is not None and own_id not in (None, app_id)
        return None if is_foreign else app_id


def _check_payment(amount_fen: int | None, given: Mapping[str, Any]) -> None:
    missing = [*(["amount"] if amount_fen is None else []), *([] if "outer_event_id" in given else ["outer_event_id"])]
    if missing:
        raise serializers.ValidationError({name: ["Required for a payment."] for name in missing})


def _missing_device(attrs: Mapping[str, Any]) -> dict[str, str]:
    """Each platform needs a particular id, so one of these must be there. Placeholders, shared by thousands of phones,
    are not ids.
    """
    given = {name: attrs.get(name) for name in device_id_fields(attrs["os"])}
    if not all(map(is_absent, given.values())):
        return {}
    return {
        name: f"{value!r} is a placeholder, not a device id." if value else f"Required for {attrs['os']}."
        for name, value in given.items()
    }


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """The outcome of an event."""

    id = serializers.UUIDField()
    status = serializers.CharField(source="state")
    duplicate = serializers.BooleanField(source="is_duplicate")


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
