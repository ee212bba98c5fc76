"""Channels and rules, to edit; what is wrong and what was sent, to look at."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import translation
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from foundation.admin_lists import ReadOnly, Uncounted
from foundation.alerts import sending, wording
from foundation.alerts.channels import KINDS
from foundation.alerts.channels.posting import SCHEMES
from foundation.alerts.models import Channel, Incident, Notice, Rule
from foundation.hooks import alerts

TESTERS = ["alerts.view_channel", "alerts.test_channel"]


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # as Django's own admin uses it
    """Address and secret are typed in and never come back: an empty field leaves what is stored."""

    url = forms.URLField(
        label=capfirst(_("address")),
        required=False,
        assume_scheme="https",
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    secret = forms.CharField(
        label=capfirst(_("secret")), required=False, max_length=500, strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Feishu, DingTalk: the secret of the robot's signature. Webhook: the key of the HMAC. "
            "Leave empty to keep what is stored."
        ),
    )  # fmt: skip
    forget_secret = forms.BooleanField(label=capfirst(_("stop signing")), required=False)

    class Meta:
        model = Channel
        fields = ["name", "kind", "url", "secret", "forget_secret", "recipients", "language", "is_enabled"]
        widgets = {"recipients": UnfoldAdminTextInputWidget()}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        stored = self.instance.masked_url if self.instance.pk else ""
        text = _("The URL of the robot or webhook; leave it empty for e-mail. It is stored encrypted.")
        self.fields["url"].help_text = (
            format_html("{} {} <code>{}</code>", text, _("Leave empty to keep:"), stored) if stored else text
        )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url and not url.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
            raise forms.ValidationError(_("It begins with https:// or http://."))
        return url

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        kind = KINDS.get(cleaned.get("kind", ""))
        has_url = cleaned.get("url") or self.instance.sealed_url
        if kind and not kind.is_email and not has_url and "url" not in self.errors:
            self.add_error("url", _("This kind of channel needs an address."))
        if kind and not kind.signs and cleaned.get("secret"):
            self.add_error("secret", _("This kind of channel does not sign."))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        channel: Channel = self.instance
        if self.cleaned_data["url"]:
            channel.url = self.cleaned_data["url"]
        if self.cleaned_data["secret"]:
            channel.secret = self.cleaned_data["secret"]
        if self.cleaned_data["forget_secret"] or not channel.channel_kind.signs:
            channel.secret = ""
        channel.try_at_once()
        return super().save(commit)


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    form = ChannelForm
    list_display = ["name", "kind", "language", "state", "last_sent_at", "last_error"]
    list_filter = ["kind", "is_enabled"]
    search_fields = ["name"]
    readonly_fields = ["state", "last_sent_at", "failures", "retry_at", "last_error"]
    change_form_outer_before_template = "admin/alerts/channel/test.html"
    list_before_template = "admin/alerts/help.html"

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        if not self.has_change_permission(request, obj) and obj is not None:
            return ["name", "kind", "masked_address", "recipients", "language", "is_enabled", *self.readonly_fields]
        return [*ChannelForm.Meta.fields, *(self.readonly_fields if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> list[str]:
        return [*self.readonly_fields, "masked_address"]

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Saves only what was typed in of a known channel: a worker may be recording what it has just sent there."""
        typed = ["name", "kind", "sealed_url", "sealed_secret", "recipients", "language", "is_enabled", "retry_at"]
        obj.save(update_fields=typed if change else None)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A channel's log is deleted with it, although nobody may delete single lines of it."""
        deleted, counts, _permissions_needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"language": translation.get_language(), **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list[URLPattern]:
        test = path("<int:channel_id>/test/", self.admin_site.admin_view(self.test_page), name="alerts_channel_test")
        urls: list[URLPattern] = [test, *super().get_urls()]
        return urls

    def test_page(self, request: HttpRequest, channel_id: int) -> HttpResponseBase:
        """`POST /admin/alerts/channel/<id>/test/`: the button "Send a test message", and what the channel answered."""
        return _tested(request, channel_id)

    @admin.display(description=_("address"))
    def masked_address(self, channel: Channel) -> str:
        return channel.masked_url

    @display(
        description=_("state"), label={"off": "default", "failing": "danger", "works": "success", "unused": "info"}
    )
    def state(self, channel: Channel) -> tuple[str, Any]:
        if not channel.is_enabled:
            return "off", _("switched off")
        if channel.failures:
            failing = ngettext_lazy("failing, %d time in a row", "failing, %d times in a row", channel.failures)
            return "failing", failing % channel.failures
        return ("works", _("works")) if channel.last_sent_at else ("unused", _("nothing sent yet"))


@require_POST
def _tested(request: HttpRequest, channel_id: int) -> HttpResponse:
    if not request.user.has_perms(TESTERS):
        raise PermissionDenied
    channel = get_object_or_404(Channel, pk=channel_id)
    is_taken, answer = sending.test(channel)
    context = {
        **admin.site.each_context(request),
        "title": _("Test of a channel"),
        "opts": Channel._meta,
        "original": channel,
        "is_taken": is_taken,
        "answer": answer,
    }
    return TemplateResponse(request, "admin/alerts/channel/tested.html", context)


@admin.register(Rule)
class RuleAdmin(ModelAdmin):
    list_display = ["__str__", "is_enabled", "threshold", "of_what", "told", "reminder_hours", "quiet"]
    list_filter = ["is_enabled"]
    fields = [
        "title", "is_enabled", "threshold", "of_what", "channels", "reminder_hours", "over_after_minutes",
        "quiet_from", "quiet_until",
    ]  # fmt: skip
    readonly_fields = ["title", "of_what"]
    list_before_template = "admin/alerts/help.html"
    ordering = ["watch"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Introduces missing rules, so that they are listed even before the first sweep."""
        Rule.objects.introduce()
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return Rule.objects.prefetch_related("channels").filter(watch__in=_watched())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        return False

    @admin.display(description=_("watched"))
    def title(self, rule: Rule) -> str:
        return str(rule)

    @admin.display(description=_("counted"))
    def of_what(self, rule: Rule) -> Any:
        return (rule.registered and rule.registered.threshold_help) or "–"

    @admin.display(description=_("channels"))
    def told(self, rule: Rule) -> Any:
        return ", ".join(str(channel) for channel in rule.channels.all()) or _("every channel")

    @admin.display(description=_("quiet hours"))
    def quiet(self, rule: Rule) -> str:
        return f"{rule.quiet_from:%H:%M}–{rule.quiet_until:%H:%M}" if rule.quiet_from and rule.quiet_until else "–"


class ReadOnlyFields(ReadOnly):
    """Shows a row's `readonly_fields` and nothing else."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields  # type: ignore[attr-defined]  # ModelAdmin's


@admin.register(Incident)
class IncidentAdmin(ReadOnlyFields, Uncounted, ModelAdmin):
    list_display = ["what", "state", "number", "began_at", "ended_at", "page"]
    list_filter = ["rule"]
    list_select_related = ["rule"]
    readonly_fields = ["what", "state", "number", "began_at", "seen_at", "ended_at", "reminders_sent", "page"]
    ordering = ["-began_at"]
    list_before_template = "admin/alerts/help.html"

    @admin.display(description=_("what is wrong"))
    def what(self, incident: Incident) -> str:
        return wording.headline(incident)

    @display(description=_("state"), label={"open": "danger", "over": "success"})
    def state(self, incident: Incident) -> tuple[str, Any]:
        return ("over", _("over")) if incident.ended_at else ("open", _("open"))

    @admin.display(description=_("reminders"))
    def reminders_sent(self, incident: Incident) -> int:
        return incident.reminders

    @admin.display(description=_("where to fix it"))
    def page(self, incident: Incident) -> str:
        return format_html('<a href="{}">{}</a>', incident.path, _("open the page")) if incident.path else "–"


@admin.register(Notice)
class NoticeAdmin(ReadOnlyFields, Uncounted, ModelAdmin):
    list_display = ["created_at", "channel", "event", "what", "outcome", "attempts", "sent_at", "answer"]
    list_filter = ["state", "channel", "event"]
    list_select_related = ["channel", "incident__rule"]
    readonly_fields = ["created_at", "channel", "event", "what", "outcome", "attempts", "sent_at", "text", "answer"]
    ordering = ["-created_at"]

    @admin.display(description=_("what is wrong"))
    def what(self, notice: Notice) -> str:
        return wording.headline(notice.incident, is_over=notice.event == Notice.Event.OVER)

    @display(
        description=_("state"),
        label={"waiting": "warning", "sending": "info", "sent": "success", "failed": "danger", "dropped": "default"},
    )
    def outcome(self, notice: Notice) -> tuple[str, Any]:
        return notice.state, notice.get_state_display()


def _watched() -> list[str]:
    return list(alerts.watches())
