"""Filters of the completions list. None of them reads the table to find its choices."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from foundation.days import midnight
from streaming.models import Completion
from streaming.usage import report


class ModelFilter(admin.SimpleListFilter):
    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in report.models_and_providers()[0]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Completion]) -> QuerySet[Completion]:
        return queryset.filter(chat_model=self.value()) if self.value() else queryset


class ProviderFilter(admin.SimpleListFilter):
    """`-` means no provider: no route was asked."""

    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((name, name) for name in report.models_and_providers()[1]), ("-", _("none was asked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Completion]) -> QuerySet[Completion]:
        value = self.value()
        return queryset.filter(provider="" if value == "-" else value) if value else queryset


class DaysFilter(admin.SimpleListFilter):
    """Days in `TIME_ZONE`: `2026-11-01..2026-11-30`, both inclusive; the URL may name any such range."""

    title = _("started at")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        today = timezone.localdate()
        spans = [(_("Today"), 0, 0), (_("Yesterday"), 1, 1), (_("last 7 days"), 6, 0), (_("last 30 days"), 29, 0)]
        choices: list[tuple[str, Any]] = [
            (f"{today - dt.timedelta(days=since)}..{today - dt.timedelta(days=until)}", title)
            for title, since, until in spans
        ]
        value = request.GET.get(self.parameter_name, "")
        if value and value not in dict(choices):
            choices.append((value, value.replace("..", " – ")))
        return choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Completion]) -> QuerySet[Completion] | None:
        value = self.value()
        if not value:
            return queryset
        span = _parse(value)
        if span is None:
            return queryset.none()
        return queryset.filter(started_at__gte=span[0], started_at__lt=span[1])


def _parse(span: str) -> tuple[dt.datetime, dt.datetime] | None:
    """The first moment of the range, and the first moment after it. None: not a valid range."""
    try:
        since, until = (parse_date(day) for day in span.split(".."))
        if since is None or until is None:
            return None
        return midnight(since), midnight(until + dt.timedelta(days=1))
    except (ValueError, OverflowError):
        return None
