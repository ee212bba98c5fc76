"""Pytest plugin: real PostgreSQL and Redis for the run, before Django reads its settings.

Loaded by `-p tests.services` (pyproject.toml), so that plain `pytest` works as well as `make test`. `DATABASE_URL` and
`REDIS_URL`, where set, are used instead.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from sandbox import services

_FOLDER = pytest.StashKey[Path]()
_SERVICES = pytest.StashKey[services.Services]()

# The settings of a production process, but for what a test machine cannot have (TLS in front).
SETTINGS = {
    "DEBUG": "0",
    "SECRET_KEY": "tests-only-" + "0123456789abcdef" * 4,
    "FIELD_ENCRYPTION_KEY": "dGVzdHMtb25seS1rZXktMzItYnl0ZXMtbG9uZy0wMDE=",
    "HTTPS_ONLY": "0",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "ARK_API_KEY": "ark-test-key",
    "LOG_LEVEL": "WARNING",
}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    os.environ.update(SETTINGS)
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="rivermouth-tests-"))
    started = services.start(folder)
    early_config.stash[_FOLDER] = folder
    early_config.stash[_SERVICES] = started
    os.environ["DATABASE_URL"] = started.database_url
    os.environ["REDIS_URL"] = started.redis_url


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVICES in config.stash:
        config.stash[_SERVICES].stop()
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)
