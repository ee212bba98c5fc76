"""The shape of a cost, both posted by servers and read from files. One set of rules for both."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from attribution.costs import amounts, sources
from attribution.models import AdCost
from foundation.database.columns import BIGINT_MAX

MAX_COUNT = 10**12
FIRST_DAY = date(2010, 1, 1)
_DIGITS = re.compile(r"[0-9]{1,19}")


class _Digits(serializers.Field[int, Any, Any, Any]):
    """A whole number, or one as text: ids can be larger than a browser's numbers."""

    default_error_messages = {
        "invalid": gettext_lazy("{given!r} is not a whole number."),
        "range": gettext_lazy("{given} is out of range, {lowest} to {highest}."),
    }

    def __init__(self, *, lowest: int = 0, highest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lowest, self._highest = lowest, highest

    def to_internal_value(self, data: Any) -> int:
        is_number = isinstance(data, int) and not isinstance(data, bool)
        if not (is_number or (isinstance(data, str) and _DIGITS.fullmatch(data))):
            self.fail("invalid", given=data)
        if not self._lowest <= int(data) <= self._highest:
            self.fail("range", given=data, lowest=self._lowest, highest=self._highest)
        return int(data)

    def to_representation(self, value: int) -> int:
        return value


@extend_schema_field({"oneOf": [{"type": "string", "pattern": "^[0-9]+$"}, {"type": "integer", "format": "int64"}]})
class IdField(_Digits):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(highest=BIGINT_MAX, **kwargs)


@extend_schema_field({"type": "integer", "minimum": 0})
class CountField(_Digits):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(highest=MAX_COUNT, **kwargs)


@extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,4})?$", "example": "12.34"})
class YuanField(serializers.Field[int, Any, str, Any]):
    """Yuan as a decimal text (a JSON number is read exactly as written); centifen inside."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise serializers.ValidationError(amounts.not_an_amount(data))
        try:
            return amounts.centifen_of(str(data))
        except amounts.NotAnAmountError as err:
            raise serializers.ValidationError(str(err)) from err

    def to_representation(self, value: int) -> str:
        return amounts.yuan_of(value)


@extend_schema_field({"type": "string", "format": "date"})
class DayField(serializers.Field[date, Any, str, Any]):
    def to_internal_value(self, data: Any) -> date:
        try:
            day = parse_date(data) if isinstance(data, str) and len(data) == len("2026-11-30") else None
        except (ValueError, DjangoValidationError):  # well formed, but not in the calendar
            day = None
        if day is None:
            words = _("%(given)r is not a valid date. Use YYYY-MM-DD, for example 2026-11-30.")
            raise serializers.ValidationError(words % {"given": data})
        if day > timezone.localdate():
            raise serializers.ValidationError(_("%(day)s is still to come.") % {"day": day})
        if day < FIRST_DAY:
            raise serializers.ValidationError(_("%(day)s is before %(first)s.") % {"day": day, "first": FIRST_DAY})
        return day

    def to_representation(self, value: date) -> str:
        return value.isoformat()


class PlatformField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        slug = super().to_internal_value(data)
        known = sources.platforms()
        if slug not in known:
            words = _("%(given)r is not a known platform; known are %(known)s.")
            raise serializers.ValidationError(words % {"given": slug, "known": ", ".join(known)})
        return slug


class CostSerializer(serializers.Serializer[AdCost]):
    """What one ad cost on one day. Ids of 0 or left out: the cost of the whole advertiser, or of the campaign."""

    platform = PlatformField()
    day = DayField(help_text="A day of TIME_ZONE, today at the latest")
    advertiser_id = IdField(lowest=1)
    campaign_id = IdField(required=False, allow_null=True, help_text="Ocean Engine: the project")
    ad_id = IdField(required=False, allow_null=True, help_text="Ocean Engine: the promotion")
    cost = YuanField(help_text="CNY, up to four decimals")
    impressions = CountField(required=False, allow_null=True)
    clicks = CountField(required=False, allow_null=True)


class CostReceiptSerializer(serializers.Serializer[Any]):
    """The outcome of one item: `stored`, or `superseded` if a later item in the list has the same ad and day."""

    status = serializers.ChoiceField(choices=["stored", "superseded"], required=False)
    error = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)


# DRF copies all fields for each new instance, which costs more than validating an item.
_COST = CostSerializer()


def read(item: Any) -> dict[str, Any]:
    """The fields of `AdCost` from this item. Raises: `ValidationError`, whose detail names the item's fields."""
    given: Mapping[str, Any] = _COST.run_validation(item)
    return {
        "platform": given["platform"],
        "day": given["day"],
        "advertiser_id": given["advertiser_id"],
        "campaign_id": given.get("campaign_id") or 0,
        "ad_id": given.get("ad_id") or 0,
        "cost_centifen": given["cost"],
        "impressions": given.get("impressions"),
        "clicks": given.get("clicks"),
    }
