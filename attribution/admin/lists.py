"""Lists of millions of rows: read-only, without `COUNT(*)`, in the order of an index, exported as they are filtered."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter, TextFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from attribution.events import event_words
from attribution.models import App, Event, StateDay
from attribution.platforms.registry import platforms
from attribution.records.exporting import FORMATS, Export, SheetTooLongError
from attribution.records.filtering import NO_FILTERS, SINCE, UNTIL, FilterError, Filters
from foundation import admin_lists
from foundation.admin_lists import ReadOnly
from foundation.database import patience

EXPORT_PERMISSION = "attribution.export_conversion"
ROWS_PER_PAGE = 50


class InfinitePaginator(admin_lists.InfinitePaginator):
    """With this app's template."""

    template_name = "admin/attribution/pages.html"


class _Filter(admin.SimpleListFilter):
    """One of the list's `filters`, found by its name."""

    parameter_name: str

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: "BigList") -> None:
        self.filters = model_admin.filters
        super().__init__(request, params, model, model_admin)

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return filtered(request, rows, self.filters, {self.parameter_name: self.value() or ""})

    @classmethod
    def values_in_words(cls) -> dict[str, Any]:
        return {}


class _Choice(_Filter, DropdownFilter):
    words: Any = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(self.values_in_words().items())

    @classmethod
    def values_in_words(cls) -> dict[str, Any]:
        return dict(cls.words() if callable(cls.words) else cls.words)


class _Text(_Filter, TextFilter):
    pass


def choice(name: str, title: Any, words: Any) -> type[_Choice]:
    """`words`: pairs of the value in the address and the text shown, or a function that returns them."""
    found = staticmethod(words) if callable(words) else words
    return type(f"Choice_{name}", (_Choice,), {"parameter_name": name, "title": title, "words": found})


def text(name: str, title: Any) -> type[_Text]:
    return type(f"Text_{name}", (_Text,), {"parameter_name": name, "title": title})


def apps() -> list[tuple[str, str]]:
    return [(str(pk), slug) for pk, slug in App.objects.order_by("slug").values_list("pk", "slug")]


def platform_names() -> list[tuple[str, str]]:
    return [(slug, str(platform.name)) for slug, platform in platforms().items()]


def event_choices() -> list[tuple[str, str]]:
    """Our own words, and those that were reported."""
    seen = StateDay.objects.order_by("event").values_list("event", flat=True).distinct()
    words = dict.fromkeys([*Event.values, *seen])
    return [(word, event_words.title(word)) for word in words]


class _DaysForm(forms.Form):
    since = forms.CharField(
        required=False, label=_("from"), widget=UnfoldAdminTextInputWidget({"type": "date", "aria-label": _("from")})
    )
    until = forms.CharField(
        required=False, label=_("to"), widget=UnfoldAdminTextInputWidget({"type": "date", "aria-label": _("to")})
    )


class Days(admin.ListFilter):
    """From one day to another, both included; days are those of `TIME_ZONE`."""

    title = _("day")
    template = "admin/attribution/days_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: "BigList") -> None:
        super().__init__(request, params, model, model_admin)
        self.filters = model_admin.filters
        for name in (SINCE, UNTIL):
            if values := params.pop(name, None):
                self.used_parameters[name] = values[-1]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [SINCE, UNTIL]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return filtered(request, rows, self.filters, self.used_parameters)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {"form": _DaysForm(data=self.used_parameters)}


def filtered(request: HttpRequest, rows: QuerySet[Any], filters: Filters, parameters: dict[str, Any]) -> QuerySet[Any]:
    """A bad value shows no rows, and says so."""
    try:
        for name, value in parameters.items():
            rows = rows.filter(filters.condition(name, value, is_for_page=True)) if value else rows
    except FilterError as err:
        messages.error(request, str(err))
        return rows.none()
    return rows


class BigList(ReadOnly, ModelAdmin):
    filters: ClassVar[Filters]
    export: ClassVar[Export]

    paginator = InfinitePaginator
    list_per_page = ROWS_PER_PAGE
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each choice of each filter
    list_select_related: ClassVar[list[str]] = []  # False would make Django join what `get_queryset` keeps apart
    sortable_by = ()  # another order would sort the whole table
    list_filter_submit = True
    list_disable_select_all = True
    list_before_template = "admin/attribution/list_tools.html"
    search_fields = ["pk"]  # only shows the search field; `get_search_results` does the search

    def get_paginator(self, request: HttpRequest, queryset: Any, *arguments: Any, **options: Any) -> Any:
        """Django also asks for a paginator of a record's history. That one counts, since the history is short."""
        paginator = self.paginator if queryset.model is self.model else Paginator
        return paginator(queryset, *arguments, **options)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Apps in a query of their own: PostgreSQL, which knows nothing of a table that small, takes a join with it for
        a filter, expects few rows, and sorts all that there are.
        """
        rows: QuerySet[Any] = super().get_queryset(request).prefetch_related("app")
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        return (f"-{self.filters.moment(request.GET)}",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return filtered(request, queryset, self.filters, {"q": search_term}), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        try:
            with patience.limited():
                return super().changelist_view(request, (extra_context or {}) | self.tools(request))
        except patience.TooManyRowsError as err:
            return self.refusal(request, err)

    def tools(self, request: HttpRequest) -> dict[str, Any]:
        """The tools above the list that this person may use."""
        if not request.user.has_perm(EXPORT_PERMISSION):
            return {}
        query = query_of(request)
        return {"exports": [(name.upper(), f"{self._address('export', name)}?{query}") for name in FORMATS]}

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export/<str:file_format>/", self.admin_site.admin_view(self.export_view), name=name)
        urls: list[URLPattern] = super().get_urls()
        return [export, *urls]

    def export_view(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        """`GET export/<csv|xlsx>/?<the list's filters>`"""
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT_PERMISSION)):
            raise PermissionDenied
        if file_format not in FORMATS:
            return HttpResponseBadRequest(_("Formats are %(formats)s.") % {"formats": ", ".join(FORMATS)})
        parameters = dict(request.GET.lists())
        try:
            rows = self.filters.apply(parameters)
            with patience.limited():
                return FORMATS[file_format](self.export, rows, self.filters.moment(parameters))
        except (FilterError, SheetTooLongError, patience.TooManyRowsError) as err:
            return self.refusal(request, err)

    def in_words(self, parameters: QueryDict) -> list[tuple[Any, Any]]:
        """The titles and values of an address's filters, as the list shows them."""
        titles: dict[str, Any] = {SINCE: _("from"), UNTIL: _("to"), "q": self.search_help_text}
        words: dict[str, dict[str, Any]] = {}
        for each in self.list_filter:
            if isinstance(each, type) and issubclass(each, _Filter):
                titles[each.parameter_name], words[each.parameter_name] = each.title, each.values_in_words()
        return [
            (titles[name], words.get(name, {}).get(str(value), value))
            for name, value in parameters.items()
            if value and name in titles and name != "id"  # for ticked rows, their number says enough
        ]

    def refusal(self, request: HttpRequest, error: Exception) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request), "title": self.opts.verbose_name_plural, "opts": self.opts,
            "error": str(error), "back_url": f"{self._address('changelist')}?{query_of(request)}",
        }  # fmt: skip
        return TemplateResponse(request, "admin/attribution/refusal.html", context, status=400)

    def _address(self, name: str, *arguments: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=arguments)


def query_of(request: HttpRequest) -> str:
    """The filters of the address, without the page."""
    chosen = request.GET.copy()
    for name in NO_FILTERS:
        chosen.pop(name, None)
    return chosen.urlencode()
