import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def load_settings(**changes: str) -> str:
    """Load the settings in a process of its own; return the last line of what it says, "" if all is well."""
    process = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env=os.environ | changes,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "FIELD_ENCRYPTION_KEY"])
def test_production_needs(name: str) -> None:
    complaint = load_settings(**{name: ""})

    assert complaint == f"django.core.exceptions.ImproperlyConfigured: {name} is not set: it is required"


def test_debug_needs_no_secrets() -> None:
    assert load_settings(DEBUG="1", SECRET_KEY="", FIELD_ENCRYPTION_KEY="") == ""
