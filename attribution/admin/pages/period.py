"""The days and the app that a page is about: read from its address, with the choices it offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from attribution.models import App
from attribution.statistics.scopes import EARLIEST, MAX_DAYS, Scope

CUSTOM = "custom"
DEFAULT = "7d"
# By name: its title, how many days ago the span ends, and how many days it has.
PRESETS = {
    "today": (_("Today"), 0, 1),
    "yesterday": (_("Yesterday"), 1, 1),
    "7d": (_("7 days"), 0, 7),
    "30d": (_("30 days"), 0, 30),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A link of the picker."""

    title: Any
    query: str
    is_chosen: bool


class PeriodForm(forms.Form):
    """`period` is a preset or `custom`. `from` and `to` belong to `custom`, and imply it."""

    period = forms.ChoiceField(
        required=False,
        choices=[*((name, title) for name, (title, _ago, _days) in PRESETS.items()), (CUSTOM, _("Custom"))],
        error_messages={"invalid_choice": _("“%(value)s” is not a known period.")},
    )
    to = forms.DateField(
        required=False,
        error_messages={"invalid": _("“To” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23.")},
    )
    app = forms.ModelChoiceField(
        App.objects.order_by("slug"),
        to_field_name="slug",
        required=False,
        error_messages={"invalid_choice": _("There is no such app.")},
    )

    def __init__(self, query: Mapping[str, Any], *, today: date) -> None:
        super().__init__(query)
        self.today = today
        # `from` is a Python keyword.
        self.fields["from"] = forms.DateField(
            required=False,
            error_messages={"invalid": _("“From” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23.")},
        )

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        if "from" in found and "to" in found and "period" in found:
            found["since"], found["until"] = self._days(found)
        return found

    def _days(self, found: Mapping[str, Any]) -> tuple[date, date]:
        since, until = found["from"], found["to"]
        if found["period"] in PRESETS or not (since or until):
            return preset_days(found["period"] if found["period"] in PRESETS else DEFAULT, self.today)
        until = until or self.today
        since = since or until
        days = (until - since).days + 1
        if since < EARLIEST or not 0 < days <= MAX_DAYS:
            message = gettext(
                "%(since)s to %(until)s is %(days)d days. Choose 1 to %(most)d days, none before the year 2000."
            )
            raise ValidationError(message % {"since": since, "until": until, "days": days, "most": MAX_DAYS})
        return since, until


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a page shows. `errors` says what was wrong with its address; the default period is shown instead."""

    since: date
    until: date
    today: date
    preset: str
    app: App | None
    apps: list[App]
    errors: list[str]

    @property
    def scope(self) -> Scope:
        return Scope(since=self.since, until=self.until, app_ids=[self.app.pk] if self.app else None)

    @property
    def query(self) -> str:
        """This period and app, for links to pages of the same days."""
        return urlencode(self.parameters)

    @property
    def parameters(self) -> dict[str, str]:
        days = {"period": self.preset}
        if self.preset == CUSTOM:
            days |= {"from": self.since.isoformat(), "to": self.until.isoformat()}
        return days | self._app

    @property
    def presets(self) -> list[Preset]:
        return [
            Preset(title, urlencode({"period": name} | self._app), is_chosen=name == self.preset)
            for name, (title, _ago, _days) in PRESETS.items()
        ]

    @property
    def is_so_far(self) -> bool:
        """Whether the last day is not over yet, though it is compared with a whole day."""
        return self.until >= self.today

    @property
    def _app(self) -> dict[str, str]:
        return {"app": self.app.slug} if self.app else {}


def read(query: QueryDict, *, today: date) -> Period:
    form = PeriodForm(query, today=today)
    is_valid = form.is_valid()
    found = form.cleaned_data
    since, until = (found["since"], found["until"]) if "since" in found else preset_days(DEFAULT, today)
    names = [name for name in PRESETS if preset_days(name, today) == (since, until)]
    return Period(
        since=since,
        until=until,
        today=today,
        preset=names[0] if names else CUSTOM,
        app=found.get("app"),
        apps=list(App.objects.order_by("slug")),
        errors=[] if is_valid else [str(error) for errors in form.errors.values() for error in errors],
    )


def preset_days(name: str, today: date) -> tuple[date, date]:
    _title, days_ago, days = PRESETS[name]
    until = today - timedelta(days=days_ago)
    return until - timedelta(days=days - 1), until
