from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models.expressions import BaseExpression, Combinable
from django.utils.functional import _StrOrPromise

F = TypeVar("F", bound=Callable[..., Any])

def display(
    *,
    boolean: bool | None = None,
    ordering: str | Combinable | BaseExpression | None = None,
    description: _StrOrPromise | None = None,
    empty_value: str | None = None,
    label: bool | str | Mapping[str, str] | None = None,
    header: bool | None = None,
) -> Callable[[F], F]: ...
