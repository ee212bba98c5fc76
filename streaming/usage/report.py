"""Chat usage and cost for a range of days, per day, model and provider. Reads `UsageHour`, never the completions."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import TruncDate

from foundation.days import midnight
from streaming.models import UsageHour

_SUMS = (
    "completions",
    "completed",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_cny",
    "unpriced",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Usage of the chats of one day, model and provider. None in one of these: all of them."""

    day: dt.date | None = None
    chat_model: str | None = None
    provider: str | None = None
    completions: int = 0
    completed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_cny: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def not_completed(self) -> int:
        return self.completions - self.completed

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def by_day(since: dt.date, until: dt.date, *, chat_model: str = "", provider: str = "") -> list[Usage]:
    """Newest day first. One query. Days are in `TIME_ZONE`, both inclusive."""
    chosen = Q(hour__gte=midnight(since), hour__lt=midnight(until + dt.timedelta(days=1)))
    if chat_model:
        chosen &= Q(chat_model=chat_model)
    if provider:
        chosen &= Q(provider=provider)
    rows = (
        UsageHour.objects.filter(chosen)
        .annotate(day=TruncDate("hour"))
        .values("day", "chat_model", "provider")
        .annotate(**{f"sum_{name}": Sum(name) for name in _SUMS})
        .order_by("-day", "chat_model", "provider")
        .values_list("day", "chat_model", "provider", *(f"sum_{name}" for name in _SUMS))
    )
    return [
        Usage(
            day=day,
            chat_model=model,
            provider=name,
            **dict(zip(_SUMS, sums, strict=True)),
        )
        for day, model, name, *sums in rows
    ]


def total(rows: Iterable[Usage], *, chat_model: str | None = None, provider: str | None = None) -> Usage:
    """The sum of the rows, labelled with these names."""
    rows = list(rows)
    return Usage(
        chat_model=chat_model,
        provider=provider,
        **{name: sum((getattr(row, name) for row in rows), getattr(Usage(), name)) for name in _SUMS},
    )


def by_model(rows: Iterable[Usage]) -> list[Usage]:
    """The rows summed per model and provider over all days: the most expensive first, then by tokens."""
    groups: dict[tuple[str | None, str | None], list[Usage]] = {}
    for row in rows:
        groups.setdefault((row.chat_model, row.provider), []).append(row)
    sums = [total(rows, chat_model=model, provider=provider) for (model, provider), rows in groups.items()]
    return sorted(sums, key=lambda row: (-row.cost_cny, -row.tokens, row.chat_model, row.provider))


def models_and_providers() -> tuple[list[str], list[str]]:
    """Choices for filters: those with any usage. A `DISTINCT` over completions would read the whole table."""
    names = UsageHour.objects.order_by().values_list("chat_model", "provider").distinct()
    models, providers = {model for model, _provider in names}, {provider for _model, provider in names}
    return sorted(models), sorted(providers - {""})
