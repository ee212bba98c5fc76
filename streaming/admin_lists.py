"""Lists of rows that the product writes: read-only, and never counted."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold import paginator as unfold_paginator

PAGES = 200


class ReadOnly:
    """Rows that the product writes: looked at, never edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class InfinitePaginator(unfold_paginator.InfinitePaginator):  # type: ignore[misc]  # unfold has no type information
    """Pages that are not counted, up to where somebody may leaf: the database reads all that is skipped.

    By its name unfold knows that there is no number of results to show.
    """

    @cached_property
    def count(self) -> int:
        return PAGES * int(self.per_page)
