"""The usual Celery pattern: one row per event, one task per row, `requests`, ORM get and save, countdown retry.

On this project's interpreter and versions, with Celery's defaults (a pool of as many processes as there are cores).
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import cores
from benchmarks.peers import LOGS

NAME = "naive Celery task"
REPORTED_SQL = "SELECT count(*) FROM naive_conversion WHERE status = 'reported' AND outer_event_id LIKE %s"

_HERE = Path(__file__).parent
_BIN = Path(sys.executable).parent


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The same services, another Redis database: the queues must not meet."""
    redis_url = env["REDIS_URL"].rpartition("/")[0] + "/1"
    return {
        **env,
        "REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": "naive.settings",
        "PYTHONPATH": str(_HERE),
    }


def prepare(env: Mapping[str, str]) -> None:
    _run([sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"], env)


def enqueue(env: Mapping[str, str], name: str, count: int) -> None:
    _run([sys.executable, "-m", "naive.enqueue", name, str(count)], env)


def start_worker(env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = [str(_BIN / "celery"), "--app", "naive.celery", "--quiet", "worker", "--loglevel", "warning"]
    return cores.start_server(command, log=LOGS / "naive_celery.log", env=env, folder=_HERE)


def _run(command: list[str], env: Mapping[str, str]) -> None:
    subprocess.run(command, check=True, cwd=_HERE, env=os.environ | env)
