"""What a first start creates so that one can sign in and call the API: an admin, the demo app and its API key.

The secrets are kept in private files; a later start returns the same ones. Needs Django to be set up.
"""

import secrets
from io import StringIO
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import call_command

from foundation.access import authentication
from sandbox.launcher import private_files

ADMIN_NAME = "admin"
DEMO_APP = "demo"
DEMO_PACKAGE = "com.example.demo"


def admin_password(file: Path) -> str | None:
    """Return the first admin's password, created if there is no superuser yet; None if someone has changed it."""
    users = get_user_model().objects
    if not users.filter(is_superuser=True).exists():
        private_files.write(file, secrets.token_urlsafe(12))
        users.create_superuser(ADMIN_NAME, password=private_files.read(file))
    admin = users.filter(username=ADMIN_NAME).first()
    password = private_files.read(file)
    return password if admin is not None and admin.check_password(password) else None


def demo_key(file: Path) -> str:
    """Return a working key of the demo app: the stored one, or a new one if that was revoked."""
    key = private_files.read(file)
    if authentication.look_up(key) is None:
        _printed("add_app", DEMO_APP, android=DEMO_PACKAGE, ios=DEMO_PACKAGE)
        key = _printed("issue_key", DEMO_APP, app=DEMO_APP)
        private_files.write(file, key)
    return key


def _works(key: str) -> bool:
    return authentication.look_up(key) is not None


def _printed(command: str, *arguments: str, **options: str) -> str:
    """Run a management command and return what it prints."""
    output = StringIO()
    call_command(command, *arguments, stdout=output, **options)
    return output.getvalue().strip()
