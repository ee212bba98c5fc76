"""The rules of an app's events, as rows of the app's page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminSelectWidget

from attribution.admin.lists import platform_names
from attribution.events import event_words
from attribution.models import EventRule
from attribution.platforms.registry import platforms


def _platforms() -> list[tuple[str, Any]]:
    return [("", _("all platforms")), *platform_names()]


def _events() -> list[tuple[str, str]]:
    return [(word, f"{title} ({word})") for word, title in event_words.titles().items()]


class EventRuleForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    platform = forms.ChoiceField(
        label=_("platform"), choices=_platforms, required=False, widget=UnfoldAdminSelectWidget
    )
    event = forms.ChoiceField(label=_("the platform's event"), choices=_events, widget=UnfoldAdminSelectWidget)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        platform = platforms().get(given.get("platform") or "")
        if platform and given.get("event") and given["event"] not in platform.event_words:
            raise ValidationError({"event": _("%(platform)s has no such event.") % {"platform": platform.name}})
        return given


class EventRuleInline(TabularInline):
    model = EventRule
    form = EventRuleForm
    extra = 0
    fields = [
        "name", "platform", "event", "count", "within_days", "once_per", "amount_property", "amount_unit", "is_enabled",
    ]  # fmt: skip
