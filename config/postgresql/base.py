"""Django's PostgreSQL backend, with a pool that is of use again as soon as PostgreSQL is after a restart.

A restart leaves all idle connections dead. psycopg_pool finds that out one by one, with a pause between two
of them that doubles: a request met four dead ones and failed after 5 s, with PostgreSQL long back (psycopg_pool 3.3.3).
Here the first dead connection empties the pool, and the next one is fresh.
"""

from functools import partial
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool

Pool = ConnectionPool[Connection[Any]]


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Pool | None:
        pool: Pool | None = super().pool
        if pool is not None:
            # Django names the check of a pool itself, and lets no option replace it.
            pool._check = partial(_check_or_drain, pool)
        return pool


def _check_or_drain(pool: Pool, connection: Connection[Any]) -> None:
    try:
        pool.check_connection(connection)
    except Error:
        pool.drain()
        raise
