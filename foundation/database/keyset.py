"""Reading many rows, newest first, without holding anything open in between.

Each step names the place where the last one ended, so it costs the same at the end of a big table as at its beginning.
An OFFSET would read every row before it, and a cursor would keep a transaction open for as long as its reader takes,
during which PostgreSQL could not vacuum the queue.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
# A row's time and primary key.
Place: TypeAlias = tuple[datetime, Any]


def after(rows: QuerySet[M], moment: str, place: Place | None) -> QuerySet[M]:
    """The rows after the place, in order; `moment` is an indexed column."""
    ordered = rows.order_by(f"-{moment}", "-pk")
    if place is None:
        return ordered
    at, pk = place
    # The second condition implies the first, but only the first makes PostgreSQL use the index.
    return ordered.filter(Q(**{f"{moment}__lte": at}), Q(**{f"{moment}__lt": at}) | Q(**{moment: at, "pk__lt": pk}))


def batches(rows: QuerySet[M], moment: str, size: int) -> Iterator[list[M]]:
    place: Place | None = None
    while batch := list(after(rows, moment, place)[:size]):
        yield batch
        if len(batch) < size:
            return
        place = (getattr(batch[-1], moment), batch[-1].pk)
