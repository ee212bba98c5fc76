"""HTTP: the statistics, as JSON and CSV."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

import msgspec
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution.models import App
from attribution.statistics import groups, reports, table
from attribution.statistics.figures import FIGURES, Figure
from attribution.statistics.scopes import EARLIEST, MAX_DAYS, Scope
from attribution.statistics.table import DIMENSIONS, MAX_ROWS
from foundation.access.credentials import Credential
from foundation.access.views import IsServer

DEFAULT_DAYS = 7


class JsonRenderer(JSONRenderer):
    """Takes a tenth of the time of DRF's own; a month by day and ad is ten megabytes."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return msgspec.json.encode(data)


class CsvRenderer(BaseRenderer):
    """Only the rows; totals and states are in the JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        return table.as_csv(data["columns"], data["rows"])


class DayField(serializers.Field[date, str, str, Any]):
    default_error_messages = {
        "invalid": "{given!r} is not a valid date. Use YYYY-MM-DD, for example 2026-11-23.",
        "too_early": "{given!r} is too early. The first day is {earliest}.",
    }

    def to_internal_value(self, data: str) -> date:
        try:
            day = date.fromisoformat(data)
        except ValueError:
            self.fail("invalid", given=data)
        if day < EARLIEST:
            self.fail("too_early", given=data, earliest=EARLIEST)
        return day


class GroupByField(serializers.Field[list[str], str, str, Any]):
    default_error_messages = {"unknown": "{given!r} is not valid. Use one of: {known}."}

    def to_internal_value(self, data: str) -> list[str]:
        wanted = [dimension.strip() for dimension in data.split(",") if dimension.strip()]
        for dimension in wanted:
            if dimension not in DIMENSIONS:
                self.fail("unknown", given=dimension, known=", ".join(DIMENSIONS))
        return wanted


class StatsQuery(serializers.Serializer[Scope]):
    """The query's parameters. Its context must have `app_id`: the only app that the caller may see, or None for all."""

    to = DayField(required=False)
    group_by = GroupByField(required=False)
    app = serializers.CharField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a Python keyword, so it cannot be a class attribute."""
        return {"from": DayField(required=False), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields) - {"format"}
        errors = {name: f"Unknown parameter. Use {', '.join(self.fields)}, format." for name in unknown}
        until = attrs.get("to", timezone.localdate())
        since = attrs.get("from", until - timedelta(days=DEFAULT_DAYS - 1))
        days = (until - since).days + 1
        if not 0 < days <= MAX_DAYS:
            errors["from"] = f"{since} to {until} is {days} days. Ask for 1 to {MAX_DAYS} days."
        app_ids = self._app_ids(attrs)
        if app_ids == []:
            errors["app"] = f"There is no app {attrs['app']!r} for this key."
        if errors:
            raise ValidationError(errors)
        return {"scope": Scope(since=since, until=until, app_ids=app_ids), "group_by": attrs.get("group_by", ["day"])}

    def _app_ids(self, attrs: Mapping[str, Any]) -> list[int] | None:
        """None: all apps."""
        own = self.context["app_id"]
        if "app" not in attrs:
            return own and [own]
        apps = App.objects.filter(slug=attrs["app"]) if own is None else App.objects.filter(slug=attrs["app"], id=own)
        return list(apps.values_list("id", flat=True))


AnyField: TypeAlias = "serializers.Field[Any, Any, Any, Any]"


def _field(figure: Figure) -> AnyField:
    if figure.formula.is_whole:
        return serializers.IntegerField(help_text=figure.description)
    return serializers.FloatField(allow_null=True, help_text=figure.description)


_NUMBERS = {figure.name: _field(figure) for figure in FIGURES}
_TEXTS: dict[str, AnyField] = {
    name: serializers.CharField(allow_null=True, required=False) for name in groups.shown(DIMENSIONS)
}
_ANSWER = inline_serializer(
    "Statistics",
    {
        "from": serializers.DateField(),
        "to": serializers.DateField(),
        "columns": serializers.ListField(child=serializers.CharField()),
        "rows": inline_serializer("StatisticsRow", _TEXTS | _NUMBERS, many=True),
        "totals": inline_serializer("StatisticsTotals", dict(_NUMBERS)),
        "states": serializers.DictField(child=serializers.DictField(child=serializers.IntegerField())),
    },
)


class Stats(APIView):
    permission_classes = [IsServer]
    renderer_classes = [JsonRenderer, CsvRenderer]

    @extend_schema(
        parameters=[
            OpenApiParameter("from", date, description=f"Default: {DEFAULT_DAYS - 1} days before `to`."),
            OpenApiParameter("to", date, description="The last day, included. Default: today."),
            OpenApiParameter("group_by", description=f"Comma list of {', '.join(DIMENSIONS)}. Default: day."),
            OpenApiParameter("app", description="An app's short name. Default: all that the key may see."),
        ],
        responses=_ANSWER,
    )
    def get(self, request: Request) -> Response:
        """Sums and rates per group, by the day on which things happened; days are those of `TIME_ZONE`.

        `activated_…`, `amount_day_…`, `value_day_…`, `returned_…` and `retention_…` are about the users who were
        activated on these days, whenever they paid. Amounts are in fen, ids are strings. `states` counts the events by
        their current state; together these are all events received.
        """
        credential: Credential = request.auth  # type: ignore[assignment]  # IsServer has seen to it
        query = StatsQuery(data=request.query_params.dict(), context={"app_id": credential.app_id})
        query.is_valid(raise_exception=True)
        return Response(_answer(**query.validated_data))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        try:
            return super().perform_content_negotiation(request, force)
        except Http404 as err:  # DRF raises this for an unknown format
            given = request.query_params.get("format")
            raise ValidationError({"format": f"{given!r} is not valid. Use json or csv."}) from err

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are always JSON, whatever format was requested."""
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().handle_exception(exc)


def _answer(scope: Scope, group_by: Sequence[str]) -> dict[str, Any]:
    today = timezone.localdate()
    rows, totals = table.table(scope, group_by, today=today)
    if len(rows) > MAX_ROWS:
        raise ValidationError(
            {"group_by": f"{len(rows)} rows; at most {MAX_ROWS} are allowed. Ask for fewer days or groups."}
        )
    return {
        "from": scope.since,
        "to": scope.until,
        "columns": table.columns(group_by),
        "rows": rows,
        "totals": totals,
        "states": reports.states(scope),
    }
