"""How long a page may search for rows.

A filter without an index (a channel, an error's text) ends early when such rows are frequent. When they are rare,
PostgreSQL would read the whole table; it is better then to ask the person to choose days.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

LOOK_FOR_MS = 4000


class TooManyRowsError(Exception):
    """The requested rows were not found in time."""

    def __str__(self) -> str:
        return _("There are too many rows to search. Choose days, or add a filter.")


@contextmanager
def limited() -> Iterator[None]:
    """Raises: `TooManyRowsError`."""
    try:
        with transaction.atomic():
            _limit(LOOK_FOR_MS)
            yield
            _limit(0)
    except OperationalError as err:
        if isinstance(err.__cause__, QueryCanceled):
            raise TooManyRowsError from err
        raise


def _limit(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", [milliseconds])
