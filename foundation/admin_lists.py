"""Lists of rows that the product writes: read-only, and never counted."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold import paginator as unfold_paginator
from unfold.admin import ModelAdmin

PAGES = 200


class ReadOnly:
    """Rows that the product writes: read-only in the admin."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Uncounted(ModelAdmin):
    """A list of a big table."""

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    sortable_by = ()  # any other order would sort the whole table

    def get_paginator(self, request: HttpRequest, queryset: Any, *arguments: Any, **options: Any) -> Any:
        """Django also asks for a paginator for a row's history; that one counts, since a history is short."""
        paginator = InfinitePaginator if queryset.model is self.model else Paginator
        return paginator(queryset, *arguments, **options)


class InfinitePaginator(unfold_paginator.InfinitePaginator):
    """Uncounted pages, up to a limit: the database reads every row that is skipped.

    unfold recognises this class by its name, and then shows no number of results.
    """

    @cached_property
    def count(self) -> int:
        return PAGES * int(self.per_page)
