"""Checks of the project as a whole: settings, migrations, schema, README."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from config import environment

ROOT = Path(__file__).resolve().parent.parent
# Variables read by the Procfile and the settings' loader instead of the settings.
READ_ELSEWHERE = {"HOST"}


def test_deployment_has_no_warning() -> None:
    """With the settings of a production process and no exception for tests."""
    environment = os.environ | {"HTTPS_ONLY": "1"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    checked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.django_db
def test_models_have_their_migrations(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("makemigrations", check=True, dry_run=True)

    assert capsys.readouterr().out == "No changes detected\n"


def test_schema_is_valid_and_complete(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))


def test_readme_lists_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme[readme.index("## Settings") : readme.index("\n## ", readme.index("## Settings") + 1)]

    listed = set(re.findall(r"^\| `([A-Z0-9_]+)`", section, re.MULTILINE))

    # Tests of the reader use made-up variables, none of which occurs in the settings.
    in_settings = {name for name in environment.names() if f'"{name}"' in (ROOT / "config/settings.py").read_text()}
    assert listed == in_settings | READ_ELSEWHERE


def test_few_tests_have_a_second_chance_and_say_why() -> None:
    """Only tests with processes and real clocks, which a busy machine can upset; the run names each that needed it."""
    texts = [file.read_text() for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
    marks = [mark for text in texts for mark in re.findall(r"mark\.flaky\b(?:\(([^)]*))?", text)]

    assert len(marks) <= 10
    assert [mark for mark in marks if not re.search(r"reruns=[12]\b", mark) or 'reason="' not in mark] == []
    assert "--reruns" not in (ROOT / "pyproject.toml").read_text()
