"""`manage.py issue_key NAME [--app SLUG] [--throttle none]`: print a new API key, alone, on stdout."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundation.access.models import ApiKey


class Command(BaseCommand):
    help = "Print a new API key for the caller NAME, who is made if missing. It can't be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the caller")
        parser.add_argument("--app", metavar="SLUG", help="the app that this key's events belong to by default")
        parser.add_argument("--throttle", choices=["default", "none"], default="default")

    def handle(self, *, name: str, app: str | None, throttle: str, **options: Any) -> None:
        key = ApiKey.objects.issue(caller=name, app_id=_app_id(app) if app else None, is_throttled=throttle != "none")
        self.stdout.write(key)


def _app_id(slug: str) -> int:
    apps = ApiKey._meta.get_field("app").related_model._default_manager
    app_id = apps.filter(slug=slug).values_list("pk", flat=True).first()
    if app_id is None:
        known = ", ".join(apps.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(
            f"No app {slug!r} (known: {known}). Make it with: manage.py add_app {slug} --android PACKAGE"
        )
    return int(app_id)
