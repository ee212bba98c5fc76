"""A database with rows goes from the first version to this one, one step back, forth again, and back to nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.servers import ROOT


@pytest.fixture
def empty_database() -> Iterator[str]:
    """Beside the tests' own."""
    server = os.environ["DATABASE_URL"]
    name = f"upgrade_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_rows_outlive_every_migration_both_ways(empty_database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.upgrade"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": empty_database},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

    rows_kept = {
        "users": ["backend"],
        "keys": [["rm_12345", "demo"]],
        "attributions": 20,
        "conversions": 40,
        "paid_fen": 12_000,
        "attempts": 40,
        "differences": [],
    }
    assert json.loads(done.stdout) == {"forth": rows_kept, "one back and forth": rows_kept, "left of ours": []}
