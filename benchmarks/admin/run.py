"""The admin's pages on databases of three sizes, each filled by `seed`, in a PostgreSQL of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import cores
from benchmarks.admin.pages import slowest
from benchmarks.admin.seed import FULL as FULL_SIZES
from benchmarks.peers import LOCAL, rivermouth
from sandbox.launcher import services

# Of 10 million conversions, 30 million clicks and 10 million completions.
FULL = [0.01, 0.1, 1.0]
QUICK = [0.01]
# The disk space of the largest database with its indexes, plus the space needed to build them.
FULL_BYTES = 65 * 2**30
# Filled once, thrown away: no log where none is needed, and few checkpoints.
POSTGRES = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB"}

KEPT_HOURS = 12

_FOLDER = LOCAL / "admin"


def measure(scales: Sequence[float], *, is_quick: bool, is_kept: bool = False) -> dict[str, Any]:
    """Results by scale. Sizes that do not fit on the disk are left out, with a note.

    `is_kept`: the databases stay, and those that another run has left lately are measured as they are.
    """
    if not is_kept:
        shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
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
            if not is_kept:
                shutil.rmtree(_FOLDER, ignore_errors=True)
    return found


def _measure_at(scale: float, running: services.Services, *, is_few: bool) -> dict[str, Any]:
    sizes = FULL_SIZES.scaled(scale)
    url = f"{running.database_url.rpartition('/')[0]}/{_name(scale)}"
    site = rivermouth.on(running).with_settings({"DATABASE_URL": url})
    if not _is_filled(scale):
        print(f"a database of {sizes.conversions:,} conversions and {sizes.clicks:,} clicks", flush=True)
        _fill(scale, running, site)
    site.manage("migrate", "--verbosity", "0")
    output = _FOLDER / "pages.json"
    _python(site.env, "benchmarks.admin.pages", "--output", str(output), *(["--few"] if is_few else []))
    pages = json.loads(output.read_text())
    for (name, kind), page in slowest(pages).items():
        print(f"{name:22} {kind:18} {page['median_ms']:7.0f} ms  {page['queries']} queries", flush=True)
    seeded_s = json.loads(_note(scale).read_text())["seeded_s"]
    return {"conversions": sizes.conversions, "clicks": sizes.clicks, "seeded_s": seeded_s, "pages": pages}


def _fill(scale: float, running: services.Services, site: rivermouth.Site) -> None:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{_name(scale)}"')
        connection.execute(f'CREATE DATABASE "{_name(scale)}"')
    site.manage("migrate", "--verbosity", "0")
    began_at = time.monotonic()
    _python(site.env, "benchmarks.admin.seed", "--scale", str(scale))
    _note(scale).write_text(json.dumps({"seeded_s": time.monotonic() - began_at}))


def _is_filled(scale: float) -> bool:
    """Whether it was filled lately; otherwise today's pages would be empty."""
    note = _note(scale)
    return note.exists() and time.time() - note.stat().st_mtime < KEPT_HOURS * 3600


def _note(scale: float) -> Path:
    return _FOLDER / f"{_name(scale)}.json"


def _name(scale: float) -> str:
    return f"scale_{scale:g}"


def _no_room_for(scale: float) -> str | None:
    if _is_filled(scale):
        return None
    needed, free = FULL_BYTES * scale, shutil.disk_usage(_FOLDER).free
    return f"needs {needed / 2**30:.0f} GiB on the disk, {free / 2**30:.0f} are free" if free < needed else None


def _python(env: Mapping[str, str], module: str, *arguments: str) -> None:
    """Run a module, its output to the terminal. Raises: CalledProcessError."""
    subprocess.run([sys.executable, "-m", module, *arguments], env=os.environ | env, check=True)
