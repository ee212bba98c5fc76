"""Database connections: when PostgreSQL drops them all, as in a restart, and when their process freezes."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from foundation.database.postgresql import base

IN_USE = 6

pytestmark = pytest.mark.django_db(transaction=True)


def _use(barrier: Barrier) -> None:
    """Take a connection while all other threads hold one, and return it, so that the pool keeps as many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        barrier.wait(10)
    connection.close()


def _backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    connection.close()
    return int(pid)


def test_requests_go_on_at_once_after_all_connections_died() -> None:
    barrier = Barrier(IN_USE)
    with ThreadPoolExecutor(IN_USE) as threads:
        list(threads.map(_use, [barrier] * IN_USE))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        [killed] = cursor.fetchone()

    with ThreadPoolExecutor(1) as thread:
        began_at = time.monotonic()
        is_served = thread.submit(_backend_pid).result() > 0
        took_s = time.monotonic() - began_at

    # Five dead ones, one after another, take the pool's own check more than the 5 s after which a request fails.
    assert killed >= IN_USE - 1
    assert is_served
    assert took_s < 3
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one; later tests would meet its dead ones


def test_locks_of_a_process_that_froze_in_a_transaction_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Group.objects.create(name="wanted")
    monkeypatch.setattr(base, "IDLE_IN_TRANSACTION_S", 1)
    frozen = connection.copy(alias="frozen")
    frozen.set_autocommit(False)
    with frozen.cursor() as cursor:
        cursor.execute("SELECT 1 FROM auth_group FOR UPDATE")
    wanted = Group.objects.select_for_update(skip_locked=True)

    is_free = []
    for wait_s in (0, 1.5):
        time.sleep(wait_s)
        with transaction.atomic():
            is_free.append(wanted.exists())
    frozen.close()
    row.delete()  # groups outlive the tests that make them
    frozen.close_pool()  # type: ignore[attr-defined]  # of the PostgreSQL backend

    assert is_free == [False, True]
