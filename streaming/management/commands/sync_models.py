"""`manage.py sync_models FILE.toml`: providers, public models and routes as code."""

import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from streaming.catalogue import models_file
from streaming.catalogue.models_file import WrongFile
from streaming.models import ChatModel, Provider


class Command(BaseCommand):
    help = "Create or update providers, models and their ordered routes from a TOML file. Other rows stay unchanged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.toml", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            wanted = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
            raise CommandError(f"{file}: {err}") from err
        try:
            models_file.sync(wanted)
        except WrongFile as err:
            raise CommandError(str(err)) from err
        self.stdout.write(f"{Provider.objects.count()} providers, {ChatModel.objects.count()} models")
