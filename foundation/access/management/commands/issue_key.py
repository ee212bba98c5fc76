"""`manage.py issue_key NAME [--app SLUG] [--throttle none]`: print a new API key, alone, on stdout."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundation.access.models import ApiKey
from foundation.hooks import apps


class Command(BaseCommand):
    help = "Print a new API key for the caller NAME, created if missing. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the caller")
        parser.add_argument("--app", metavar="SLUG", help="the app that this key's events belong to by default")
        parser.add_argument("--throttle", choices=["default", "none"], default="default")

    def handle(self, *, name: str, app: str | None, throttle: str, **options: Any) -> None:
        if app:
            try:
                apps.id_of(app)
            except apps.UnknownApp as err:
                raise CommandError(str(err)) from err
        key = ApiKey.objects.issue(caller=name, app_slug=app or "", is_throttled=throttle != "none")
        self.stdout.write(key)
