"""Send records: the list, a record's page, and the actions on one record or on all that match a filter."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from attribution.admin.lists import BigList, Days, apps, choice, event_choices, platform_names, query_of, text
from attribution.admin.pages import not_delivered, testing, timeline
from attribution.admin.pages.formats import moment, money
from attribution.admin.pages.operations import bounded_count
from attribution.admin.pages.wording import (
    OF_RECORDS,
    REASONS,
    TONES,
    event_in_words,
    reason_in_words,
    warning_in_words,
)
from attribution.announcing import nudging
from attribution.models import Attribution, Conversion, Event, Os, State
from attribution.models.bulk_actions import BulkAction
from attribution.records import batches, exporting, filtering
from attribution.records.filtering import ATTRIBUTED, NONE, ORGANIC
from foundation.database import patience

Kind = BulkAction.Kind
# How long a page may work on an action itself; a worker does the rest.
AT_ONCE_S = 2.0
# Before an action, records are counted up to this number; beyond it the page says "more than".
COUNTED = 100_000

WHAT_HAPPENS = {
    Kind.RESEND: _(
        "Each record gets a fresh budget of attempts and is sent with the same body, by which the platform recognises "
        "a repeat. Organic records are looked up again. Your name and the reason are recorded with the attempt."
    ),
    Kind.HOLD: _("They leave the queue and wait until someone releases them."),
    Kind.RELEASE: _("They go back into the queue and are sent within seconds."),
    Kind.GIVE_UP: _("They become dead letters: only a resend tries them again."),
}


LEFT_ALONE = _(
    "Records whose state does not allow this are left alone: those that a worker is sending right now, and those that "
    "already wait to be resent. A report that may have arrived, at a platform that counts repeats, is only resent if "
    "you tick its record."
)


UNREAD = [
    "device", "body", "attribution__callback_param", "attribution__platform_ad", "earlier_attribution__callback_param",
    "earlier_attribution__platform_ad",
]  # fmt: skip


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=255, error_messages={"required": _("Enter a reason. It is kept on record.")})


@admin.register(Conversion)
class ConversionAdmin(BigList):
    filters = filtering.CONVERSIONS
    export = exporting.CONVERSIONS

    list_display = [
        "occurred",
        "event_name",
        "state_badge",
        "why",
        "user_id",
        "order",
        "ad",
        "channel",
        "app",
        "next_at",
    ]
    list_display_links = ["occurred"]
    list_filter = [
        Days,
        choice("state", _("state"), State.choices),
        choice("event", _("event"), event_choices),
        choice("app", _("app"), apps),
        choice("source", _("source"), [(ATTRIBUTED, _("from an ad")), (ORGANIC, _("organic"))]),
        choice("platform", _("platform"), platform_names),
        text("advertiser", _("advertiser")),
        text("campaign", _("campaign or project")),
        text("ad", _("ad or promotion")),
        text("channel", _("channel")),
        choice("os", _("system"), Os.choices),
        choice("reason", _("reason"), [(NONE, _("none")), *((word, REASONS[word]) for word in OF_RECORDS)]),
        text("error", _("error, its beginning")),
        choice("test", _("joint debugging"), [("1", _("Yes")), ("0", _("No"))]),
        text("id", _("event id")),
    ]
    search_help_text = _("User, order or event id")
    list_select_related = ["attribution", "earlier_attribution"]
    actions = ["resend", "hold", "release", "give_up"]

    @admin.display(description=_("occurred at"))
    def occurred(self, row: Conversion) -> str | None:
        return moment(row.occurred_at)

    @admin.display(description=_("event"))
    def event_name(self, row: Conversion) -> str:
        return event_in_words(row)

    @display(description=_("state"), label=TONES)
    def state_badge(self, row: Conversion) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("reason"))
    def why(self, row: Conversion) -> str | None:
        return reason_in_words(row.reason) or warning_in_words(row) or None

    @admin.display(description=_("order"))
    def order(self, row: Conversion) -> str | None:
        return f"{money(row.amount_fen)} · {row.outer_event_id}" if row.event == Event.PAY else None

    @admin.display(description=_("ad or promotion"))
    def ad(self, row: Conversion) -> Any:
        found = row.earlier_attribution or row.attribution
        if not found or (isinstance(found, Attribution) and not found.is_attributed):
            return None
        return found.ad_label or found.advertiser_id

    @admin.display(description=_("next attempt"))
    def next_at(self, row: Conversion) -> str | None:
        return moment(row.due_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversion]:
        """Without the encrypted columns: a page of the list would load a hundred kilobytes of them."""
        rows: QuerySet[Conversion] = super().get_queryset(request)
        is_list = request.resolver_match and request.resolver_match.url_name == "attribution_conversion_changelist"
        if not is_list:
            return rows
        return self.filters.shown(rows, [name for name, value in request.GET.items() if value]).defer(*UNREAD)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Acting on records also requires the permission to view them."""
        return self.has_view_permission(request) and request.user.has_perm("attribution.resend_conversion")

    def tools(self, request: HttpRequest) -> dict[str, Any]:
        tools = super().tools(request) | {
            "not_delivered_url": self._address("not_delivered"),
            "bulk_actions_url": reverse("admin:attribution_bulkaction_changelist"),
        }
        if self.has_resend_permission(request):
            query = query_of(request)
            tools["actions_on_all"] = [(kind.label, f"{self._address('act', kind)}?{query}") for kind in Kind]
        return tools

    @admin.action(description=_("Send again"), permissions=["resend"])
    def resend(self, request: HttpRequest, rows: QuerySet[Conversion]) -> HttpResponse:
        return self._ask_about(Kind.RESEND, request)

    @admin.action(description=_("Hold"), permissions=["resend"])
    def hold(self, request: HttpRequest, rows: QuerySet[Conversion]) -> HttpResponse:
        return self._ask_about(Kind.HOLD, request)

    @admin.action(description=_("Release"), permissions=["resend"])
    def release(self, request: HttpRequest, rows: QuerySet[Conversion]) -> HttpResponse:
        return self._ask_about(Kind.RELEASE, request)

    @admin.action(description=_("Give up"), permissions=["resend"])
    def give_up(self, request: HttpRequest, rows: QuerySet[Conversion]) -> HttpResponse:
        return self._ask_about(Kind.GIVE_UP, request)

    def _ask_about(self, kind: Kind, request: HttpRequest) -> HttpResponse:
        """The page that asks for a reason, for the ticked records or for all that the list shows."""
        ticked = ",".join(request.POST.getlist("_selected_action"))
        query = urlencode({"id": ticked}) if ticked else query_of(request)
        return HttpResponseRedirect(f"{self._address('act', kind)}?{query}")

    def get_urls(self) -> list[URLPattern]:
        def page(address: str, view: Callable[..., Any], name: str) -> URLPattern:
            found: URLPattern = path(address, self.admin_site.admin_view(view), name=f"attribution_conversion_{name}")
            return found

        return [
            page("not-delivered/", self.not_delivered_view, "not_delivered"),
            page("testing/", self.testing_view, "testing"),
            page("act/<str:kind>/", self.act_view, "act"),
            page("actions/<int:action_id>/", self.progress_view, "progress"),
            page("actions/<int:action_id>/stop/", require_POST(self.stop_view), "stop"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The record's page, which is read-only."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        conversion = self.get_object(request, unquote(object_id))
        if conversion is None:
            return super().change_view(request, object_id)  # says so, and leads to the dashboard
        acts = []
        if self.has_resend_permission(request):
            query = urlencode({"id": conversion.pk})
            acts = [(kind.label, f"{self._address('act', kind)}?{query}") for kind in _sensible_kinds(conversion)]
        return self._page(
            request,
            "record",
            title=f"{event_in_words(conversion)} · {conversion.user_id}",
            original=conversion,
            conversion=conversion,
            steps=timeline.steps(conversion),
            tone=TONES[conversion.state],
            acts=acts,
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Conversion | None:
        """With everything that its page shows, in one query."""
        rows = self.get_queryset(request).select_related("app", "attribution", "earlier_attribution", "resend_by")
        try:
            return rows.filter(self.filters.condition("id", object_id)).first()
        except filtering.FilterError:
            return None

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        page: HttpResponse = super().history_view(request, object_id, extra_context)
        if isinstance(page, TemplateResponse):
            for entry in (page.context_data or {}).get("action_list", []):
                entry.change_message = entry.change_message and gettext(entry.change_message)
        return page

    def not_delivered_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, "not_delivered", title=_("Not delivered, and why"), states=not_delivered.look())

    def testing_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        trials, phones = testing.trials(), testing.phones()
        return self._page(request, "testing", title=_("Joint debugging"), trials=trials, phones=phones)

    def act_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """`act/<kind>/?<the list's filters>`: says what would happen to how many; with a reason, it happens."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        if kind not in Kind.values:
            raise Http404
        query = query_of(request)
        form = ReasonForm(request.POST or None)
        try:
            if form.is_valid():
                return self._act(request, Kind(kind), query, form.cleaned_data["reason"])
            with patience.limited():
                count = bounded_count(batches.sensible(Kind(kind), query), limit=COUNTED)
                total = bounded_count(filtering.CONVERSIONS.apply(dict(request.GET.lists())), limit=COUNTED)
        except (filtering.FilterError, patience.TooManyRowsError) as err:
            return self.refusal(request, err)
        return self._page(
            request,
            "act",
            status=400 if form.is_bound else 200,
            title=Kind(kind).label,
            form=form,
            count=count,
            total=total,
            left_alone=LEFT_ALONE if total.count != count.count else "",
            filters=self.in_words(request.GET),
            what_happens=WHAT_HAPPENS[Kind(kind)],
            back_url=self._way_back(request),
        )

    def _act(self, request: HttpRequest, kind: Kind, query: str, reason: str) -> HttpResponse:
        now = timezone.now()
        action = batches.ask(kind, query, by=request.user, reason=reason, now=now)  # type: ignore[arg-type]  # staff only
        action = batches.resume(action.pk, budget_s=AT_ONCE_S, now=now)
        if action.finished_at is None:
            nudging.send("attribution.act")
            return HttpResponseRedirect(self._address("progress", action.pk))
        level = messages.SUCCESS if action.changed and not action.left_alone else messages.WARNING
        self.message_user(request, _outcome(action), level)
        return HttpResponseRedirect(self._way_back(request))

    def _way_back(self, request: HttpRequest) -> str:
        """Back to the single record it concerned, or to the filtered list."""
        ids = request.GET.get("id", "").split(",")
        if len(ids) == 1 and ids[0]:
            return self._address("change", ids[0])
        return f"{self._address('changelist')}?{query_of(request)}"

    def progress_view(self, request: HttpRequest, action_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        action = get_object_or_404(BulkAction.objects.select_related("asked_by"), pk=action_id)
        return self._page(
            request,
            "progress",
            title=action.get_kind_display(),
            action=action,
            outcome=_outcome(action),
            may_stop=self.has_resend_permission(request),
        )

    def stop_view(self, request: HttpRequest, action_id: int) -> HttpResponse:
        if not self.has_resend_permission(request):
            raise PermissionDenied
        batches.stop(action_id, now=timezone.now())
        return HttpResponseRedirect(self._address("progress", action_id))

    def _page(self, request: HttpRequest, name: str, *, status: int = 200, **context: Any) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, f"admin/attribution/conversion/{name}.html", shown, status=status)


def _sensible_kinds(conversion: Conversion) -> list[Kind]:
    rows = Conversion.objects.filter(pk=conversion.pk)
    found = rows.aggregate(**{kind.value: Count("pk", filter=batches.SENSIBLE[kind]) for kind in Kind})
    return [kind for kind in Kind if found[kind.value]]


def _outcome(action: BulkAction) -> str:
    text = {
        Kind.RESEND: ngettext("%d is sent again.", "%d are sent again.", action.changed),
        Kind.HOLD: ngettext("%d is held.", "%d are held.", action.changed),
        Kind.RELEASE: ngettext("%d is released.", "%d are released.", action.changed),
        Kind.GIVE_UP: ngettext("%d is given up.", "%d are given up.", action.changed),
    }[Kind(action.kind)] % action.changed
    return f"{text} {LEFT_ALONE}" if action.left_alone or not action.changed else text
