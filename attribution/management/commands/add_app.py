"""`manage.py add_app SLUG --android PKG --ios BUNDLE [--channel HuaWei=PKG]`: create or update an app."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from attribution.clicks.links import monitor_links
from attribution.models import App


class Command(BaseCommand):
    help = "Create or update the app SLUG, whose events callers report, and print its monitor links, one per platform."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--android", metavar="PACKAGE", help="the Android package")
        parser.add_argument("--ios", metavar="BUNDLE", help="the iOS bundle id")
        parser.add_argument(
            "--channel", metavar="CHANNEL=PACKAGE", action="append", default=[], type=_channel,
            help="the Android package of one store; may be repeated",
        )  # fmt: skip

    @transaction.atomic
    def handle(self, *, slug: str, android: str | None, ios: str | None, channel: list[Any], **options: Any) -> None:
        given = {name: value for name, value in {"android_package": android, "ios_bundle": ios}.items() if value}
        app, _is_new = App.objects.update_or_create(slug=slug, defaults=given)
        for name, package in channel:
            app.channel_packages.update_or_create(channel=name, defaults={"package": package})
        for link in monitor_links(app).values():
            self.stdout.write(link)


def _channel(argument: str) -> tuple[str, str]:
    name, _, package = argument.partition("=")
    if not (name and package):
        raise ArgumentTypeError(f"{argument!r} is not of the form CHANNEL=PACKAGE")
    return name, package
