"""Django's PostgreSQL backend, for a PostgreSQL that restarts and for processes that freeze.

A restart leaves all idle connections dead. psycopg_pool discovers them one by one, with a pause in between that
doubles: a request met four dead ones and failed after 5 s, with PostgreSQL long back (psycopg_pool 3.3.3). Here the
first dead connection empties the pool, and the next one is fresh.

A process that freezes (or whose machine drops off the network) in the middle of a transaction keeps its locks: nobody
else could write those rows until it continues, possibly for hours. So PostgreSQL ends the transaction.
"""

from functools import partial
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool

Pool = ConnectionPool[Connection[Any]]


# Our transactions take milliseconds from one statement to the next.
IDLE_IN_TRANSACTION_S = 30


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Pool | None:
        pool: Pool | None = super().pool
        if pool is not None:
            # Django sets the pool's check itself, and no option replaces it.
            pool._check = partial(_check_or_drain, pool)
        return pool

    def _configure_connection(self, connection: Connection[Any]) -> bool:
        """Called by Django for each new connection; returns whether there is something to commit."""
        super()._configure_connection(connection)  # type: ignore[misc]  # missing in the stubs
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_S}s'")
        return True


def _check_or_drain(pool: Pool, connection: Connection[Any]) -> None:
    try:
        pool.check_connection(connection)
    except Error:
        pool.drain()
        raise
