"""The admin's pages on databases of three sizes, each filled by `seed`, in a PostgreSQL of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from benchmarks import cores
from benchmarks.admin.pages import slowest
from benchmarks.admin.seed import FULL as FULL_SIZES
from benchmarks.peers import LOCAL, rivermouth
from sandbox import services

# Of 10 million conversions, 30 million clicks and 10 million completions.
FULL = [0.01, 0.1, 1.0]
QUICK = [0.01]
# What the largest takes on the disk, with its indexes, and what building them takes besides.
FULL_BYTES = 65 * 2**30
# Filled once, thrown away: no log where none is needed, and few checkpoints.
POSTGRES = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB"}

_FOLDER = LOCAL / "admin"


def measure(scales: Sequence[float], *, is_quick: bool) -> dict[str, Any]:
    """By scale. What does not fit on the disk is left out, and said to be."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    found: dict[str, Any] = {"sizes": {}, "left_out": {}}
    with cores.whole_machine():
        running = services.Services(
            postgres=services.start_postgres(_FOLDER, is_throwaway=True, settings=POSTGRES),
            redis=services.start_redis(_FOLDER),
        )
        try:
            for scale in scales:
                if reason := _no_room_for(scale):
                    found["left_out"][str(scale)] = reason
                    print(f"scale {scale:g}: {reason}", flush=True)
                else:
                    found["sizes"][str(scale)] = _measure_at(scale, running, is_few=is_quick)
        finally:
            running.stop()
            shutil.rmtree(_FOLDER, ignore_errors=True)
    return found


def _measure_at(scale: float, running: services.Services, *, is_few: bool) -> dict[str, Any]:
    sizes = FULL_SIZES.scaled(scale)
    print(f"a database of {sizes.conversions:,} conversions and {sizes.clicks:,} clicks", flush=True)
    env = rivermouth.environment(running) | {"DATABASE_URL": _create_database(running, f"scale_{scale:g}")}
    rivermouth.manage(env, "migrate", "--verbosity", "0")
    began_at = time.monotonic()
    _python(env, "benchmarks.admin.seed", "--scale", str(scale))
    seeded_s = time.monotonic() - began_at
    output = _FOLDER / "pages.json"
    _python(env, "benchmarks.admin.pages", "--output", str(output), *(["--few"] if is_few else []))
    pages = json.loads(output.read_text())
    for (name, kind), page in slowest(pages).items():
        print(f"{name:22} {kind:18} {page['median_ms']:7.0f} ms  {page['queries']} queries", flush=True)
    return {"conversions": sizes.conversions, "clicks": sizes.clicks, "seeded_s": seeded_s, "pages": pages}


def _no_room_for(scale: float) -> str | None:
    needed, free = FULL_BYTES * scale, shutil.disk_usage(_FOLDER).free
    return f"needs {needed / 2**30:.0f} GiB on the disk, {free / 2**30:.0f} are free" if free < needed else None


def _create_database(running: services.Services, name: str) -> str:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{running.database_url.rpartition('/')[0]}/{name}"


def _python(env: Mapping[str, str], module: str, *arguments: str) -> None:
    """Run a module, its output to the terminal. Raises: CalledProcessError."""
    subprocess.run([sys.executable, "-m", module, *arguments], env=os.environ | env, check=True)
