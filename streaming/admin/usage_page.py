"""The admin's page of chat usage and cost: charts and tables per model and day."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from streaming.usage import report
from streaming.usage.report import Usage

MAX_DAYS = 366
_DEFAULT_DAYS = 30
_PRESETS = (7, 30, 90)
_MAX_SHOWN_DAYS = 400  # rows in the table per day; the charts show all of them
_COLOURS = ["#a855f7", "#0ea5e9", "#f59e0b", "#10b981", "#ef4444", "#6366f1", "#84cc16", "#ec4899"]


class SelectionForm(forms.Form):
    """The selection in the URL. A missing day is derived from the other one, or from today."""

    since = forms.DateField(
        required=False,
        error_messages={
            "invalid": gettext_lazy("“since” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23.")
        },
    )
    until = forms.DateField(
        required=False,
        error_messages={
            "invalid": gettext_lazy("“until” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23.")
        },
    )
    model = forms.CharField(required=False, max_length=100)
    provider = forms.CharField(required=False, max_length=50)

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        until = chosen.get("until") or timezone.localdate()
        try:
            since = chosen.get("since") or until - dt.timedelta(days=_DEFAULT_DAYS - 1)
        except OverflowError:
            since = until
        if since > until:
            raise ValidationError(_("“since” comes after “until”."))
        if (until - since).days >= MAX_DAYS or until.year > 9000:
            raise ValidationError(_("At most %(days)d days can be shown.") % {"days": MAX_DAYS})
        return {**chosen, "since": since, "until": until}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    since: dt.date
    until: dt.date
    model: str = ""
    provider: str = ""

    @property
    def days(self) -> list[dt.date]:
        return [self.since + dt.timedelta(days=number) for number in range((self.until - self.since).days + 1)]


def context(request: HttpRequest) -> dict[str, Any]:
    """The template's context. Two queries."""
    form = SelectionForm(request.GET)
    selection = _selection(form)
    rows = report.by_day(selection.since, selection.until, chat_model=selection.model, provider=selection.provider)
    models, providers = report.models_and_providers()
    return {
        "errors": [error for errors in form.errors.values() for error in errors],
        "selection": selection,
        "presets": _presets(request.GET, selection),
        "models": models,
        "providers": providers,
        "cards": _cards(report.total(rows)),
        "cost_chart": _chart(rows, selection, lambda row: float(row.cost_cny)),
        "token_chart": _chart(rows, selection, lambda row: row.tokens),
        "legend": _legend(rows),
        "rows_url": _line(Usage(), selection)["url"],
        "by_model": [_line(row, selection) for row in report.by_model(rows)],
        "by_day": [_line(row, selection) for row in rows[:_MAX_SHOWN_DAYS]],
        "left_out": max(0, len(rows) - _MAX_SHOWN_DAYS),
    }


def yuan(amount: Decimal) -> str:
    """Chats cost fractions of a fen each, so small sums get two more digits."""
    return f"¥{amount:,.2f}" if amount >= 1 or not amount else f"¥{amount:,.4f}"


def _selection(form: SelectionForm) -> Selection:
    """The selection, with the default days if the URL is wrong."""
    if form.is_valid():
        return Selection(**form.cleaned_data)
    today = timezone.localdate()
    return Selection(since=today - dt.timedelta(days=_DEFAULT_DAYS - 1), until=today)


def _presets(query: QueryDict, selection: Selection) -> list[dict[str, Any]]:
    today = timezone.localdate()
    kept = {name: query[name] for name in ("model", "provider") if query.get(name)}
    presets = []
    for days in _PRESETS:
        since = today - dt.timedelta(days=days - 1)
        presets.append(
            {
                "title": _("%(days)d days") % {"days": days},
                "query": urlencode({"since": since, "until": today, **kept}),
                "is_chosen": (selection.since, selection.until) == (since, today),
            }
        )
    return presets


def _cards(whole: Usage) -> list[dict[str, str]]:
    unpriced = _("%(chats)s chats had no price") % {"chats": f"{whole.unpriced:,}"}
    return [
        {"title": _("Cost"), "value": yuan(whole.cost_cny), "note": unpriced if whole.unpriced else ""},
        {
            "title": _("Chats"),
            "value": f"{whole.completions:,}",
            "note": _("%(chats)s not completed") % {"chats": f"{whole.not_completed:,}"},
        },
        {
            "title": _("Prompt tokens"),
            "value": f"{whole.prompt_tokens:,}",
            "note": _("%(tokens)s of them cached") % {"tokens": f"{whole.cached_tokens:,}"},
        },
        {
            "title": _("Completion tokens"),
            "value": f"{whole.completion_tokens:,}",
            "note": _("%(tokens)s of them reasoning") % {"tokens": f"{whole.reasoning_tokens:,}"},
        },
    ]


def _chart(rows: Sequence[Usage], selection: Selection, value: Callable[[Usage], float]) -> str:
    """Stacked bars per model, for unfold's chart component; "" if there is nothing to draw."""
    sums: dict[str, dict[dt.date | None, float]] = {}
    for row in rows:
        of_model = sums.setdefault(row.chat_model or "", {})
        of_model[row.day] = of_model.get(row.day, 0) + value(row)
    if not any(any(of_model.values()) for of_model in sums.values()):
        return ""
    datasets = [
        {
            "label": model,
            "data": [round(sums[model].get(day, 0), 6) for day in selection.days],
            "backgroundColor": colour,
            "stack": "all",
            "maxBarThickness": 24,
            "borderRadius": 2,
            "displayYAxis": True,
            "maxTicksXLimit": 10,
        }
        for model, colour in _legend(rows)
    ]
    return json.dumps({"labels": [f"{day:%m-%d}" for day in selection.days], "datasets": datasets})


def _line(row: Usage, selection: Selection) -> dict[str, Any]:
    since, until = (row.day, row.day) if row.day else (selection.since, selection.until)
    query = {"days": f"{since}..{until}"}
    if row.chat_model is not None:
        query |= {"model": row.chat_model, "provider": row.provider or "-"}
    elif selection.model or selection.provider:
        query |= {"model": selection.model, "provider": selection.provider}
    return {
        "usage": row,
        "chats": f"{row.completions:,}",
        "numbers": _numbers(row),
        "cost": yuan(row.cost_cny),
        "url": f"{reverse(_COMPLETIONS)}?{urlencode(query)}",
    }


def _numbers(row: Usage) -> list[str]:
    numbers = (
        row.not_completed, row.prompt_tokens, row.cached_tokens, row.completion_tokens, row.reasoning_tokens
    )  # fmt: skip
    return [f"{number:,}" for number in numbers]


def _legend(rows: Sequence[Usage]) -> list[tuple[str, str]]:
    """(model, colour) pairs, the same in all charts."""
    models = sorted({row.chat_model or "" for row in rows})
    return [(model, _COLOURS[number % len(_COLOURS)]) for number, model in enumerate(models)]


_COMPLETIONS = "admin:streaming_completion_changelist"
