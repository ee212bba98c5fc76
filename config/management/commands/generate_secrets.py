"""`manage.py generate_secrets`: print new secrets as lines for an `.env`. Works before anything is configured."""

import secrets
from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print SECRET_KEY=…, FIELD_ENCRYPTION_KEY=…, USER_TOKEN_SECRET=… and POSTGRES_PASSWORD=… lines for an .env."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        # Letters, digits, - and _ only: nothing with a special meaning in a shell, an .env file or a URL.
        self.stdout.write(f"SECRET_KEY={secrets.token_urlsafe(48)}")
        self.stdout.write(f"FIELD_ENCRYPTION_KEY={Fernet.generate_key().decode()}")
        self.stdout.write(f"USER_TOKEN_SECRET={secrets.token_urlsafe(48)}")
        self.stdout.write(f"POSTGRES_PASSWORD={secrets.token_urlsafe(24)}")
