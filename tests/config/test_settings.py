import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def load_settings(**changes: str) -> str:
    """Load the settings in a separate process; returns its complaint, "" if all is well."""
    process = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env=os.environ | changes,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.returncode == bool(process.stderr)
    return process.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "FIELD_ENCRYPTION_KEY"])
def test_production_needs(name: str) -> None:
    assert load_settings(**{name: ""}) == (
        f"Rivermouth cannot start: 1 setting is wrong.\n  {name} is not set: it is required\n"
        "All settings are in README.md, under Settings.\n"
    )


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = {
        "SECRET_KEY": "",
        "DATABASE_URL": "mysql://u:secret@h/d",
        "REDIS_URL": "",
        "FIELD_ENCRYPTION_KEY": "short",
        "DEBUG": "maybe",
        "ALLOWED_HOSTS": "https://rivermouth.example.com",
        "ARK_MODELS": "doubao=a,doubao=b",
        "ARK_BASE_URL": "ark.example",
        "CORS_ALLOWED_ORIGINS": "https://app.example.com/",
        "TIME_ZONE": "Mars/Olympus",
        "CHAT_HEARTBEAT_S": "soon",
        "API_REQUESTS_PER_MINUTE": "0",
        "LANGUAGE_CODE": "fr",
        "USER_TOKEN_SHARED_SECRETS": "demo",
        "CONVERSION_RETRY_DELAYS_S": "5,x",
    }

    first, *lines, last = load_settings(**wrong).splitlines()

    assert first == "Rivermouth cannot start: 15 settings are wrong."
    assert sorted(line.split()[0].rstrip(":").partition("=")[0] for line in lines) == sorted(wrong)
    assert last.startswith("All settings are in README.md")
    assert "secret" not in "".join(lines)


@pytest.mark.parametrize("command", [["manage.py", "migrate"], ["-m", "uvicorn", "config.asgi:application"],
                                     ["-m", "celery", "--app", "config", "worker"]])  # fmt: skip
def test_every_way_to_start_says_it_without_a_traceback(command: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | {"SECRET_KEY": ""}, capture_output=True, text=True
    )

    assert process.returncode != 0
    assert "SECRET_KEY is not set" in process.stderr
    assert "Traceback" not in process.stdout + process.stderr


def test_debug_needs_no_secrets() -> None:
    assert load_settings(DEBUG="1", SECRET_KEY="", FIELD_ENCRYPTION_KEY="") == ""
