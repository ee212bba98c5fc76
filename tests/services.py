"""Real PostgreSQL and Redis for the run, and the settings of a production process.

`DATABASE_URL` and `REDIS_URL`, where set, are used instead of servers of our own. Workers of pytest-xdist have a
database each on one PostgreSQL, and a Redis each: channels are common to all databases of a Redis.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from sandbox.launcher import services

# The settings of a production process, except for what a test machine cannot have (TLS in front).
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "ENV_FILE": os.devnull,  # not the file of a `make run` in this checkout
    "DEBUG": "0",
    "SECRET_KEY": "tests-only-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEY": "dGVzdHMtb25seS1rZXktMzItYnl0ZXMtbG9uZy0wMDE=",
    "HTTPS_ONLY": "0",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "ARK_API_KEY": "ark-test-key",
    "PUBLIC_URL": "https://rivermouth.test",
    "LOG_LEVEL": "WARNING",
}


def start() -> None:
    """Start what is missing and set the environment, before Django reads its settings."""
    os.environ.update(SETTINGS)
    running = ExitStack()
    atexit.register(running.close)
    folder = Path(tempfile.mkdtemp(prefix="rivermouth-tests-"))
    running.callback(shutil.rmtree, folder, ignore_errors=True)
    if not os.environ.get("DATABASE_URL"):
        postgres = services.start_postgres(folder, is_throwaway=True, settings={"max_connections": "400"})
        running.callback(postgres.stop)
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL") or "PYTEST_XDIST_WORKER" in os.environ:
        redis = services.start_redis(folder)
        running.callback(redis.stop)
        os.environ["REDIS_URL"] = redis.url
