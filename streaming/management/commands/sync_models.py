"""`manage.py sync_models FILE.toml`: providers, public models and routes as code, in the rows that the admin edits."""

import tomllib
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from streaming.catalogue import timeouts
from streaming.models import ChatModel, Provider, Route

_PRICES = ("prompt_price", "cached_price", "completion_price")


class Command(BaseCommand):
    help = "Create or update providers, models and their ordered routes from a TOML file. Other rows stay unchanged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.toml", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            wanted = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
            raise CommandError(f"{file}: {err}") from err
        with transaction.atomic():
            for slug, fields in _tables(wanted, "providers").items():
                _sync_provider(slug, fields)
            for name, fields in _tables(wanted, "models").items():
                _sync_model(name, fields)
        self.stdout.write(f"{Provider.objects.count()} providers, {ChatModel.objects.count()} models")


def _tables(wanted: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    tables = wanted.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise CommandError(f"[{key}] must contain tables: [{key}.NAME]")
    return tables


def _sync_provider(slug: str, fields: dict[str, Any]) -> None:
    where = f"[providers.{slug}]"
    _refuse_unknown(where, fields, {"base_url", "api_key_env", "dialect", "vendor", *timeouts.NAMES})
    provider = Provider.objects.filter(slug=slug).first() or Provider(slug=slug)
    for name, value in fields.items():
        setattr(provider, name, value)
    _set_timeouts(where, provider, fields)
    _save(where, provider)


def _sync_model(name: str, fields: dict[str, Any]) -> None:
    """The file's routes replace all of the model's routes, because their order matters."""
    where = f"[models.{name}]"
    _refuse_unknown(where, fields, {"routes", *timeouts.NAMES})
    model = ChatModel.objects.filter(name=name).first() or ChatModel(name=name)
    _set_timeouts(where, model, fields)
    _save(where, model)
    routes = fields.get("routes")
    if not isinstance(routes, list) or not routes:
        raise CommandError(f"{where}: routes must be a list of at least one {{ provider, model }}")
    model.routes.all().delete()
    for position, route in enumerate(routes):
        _add_route(f"{where} routes[{position}]", model, position, route)


def _add_route(where: str, model: ChatModel, position: int, route: Any) -> None:
    if not isinstance(route, dict):
        raise CommandError(f"{where}: {route!r} is not {{ provider, model }}")
    _refuse_unknown(where, route, {"provider", "model", *_PRICES, *timeouts.NAMES})
    slug = route.get("provider")
    provider = Provider.objects.filter(slug=slug).first()
    if provider is None:
        raise CommandError(f"{where}: provider {slug!r} is neither in the file nor in the database")
    prices = {name: _price(where, name, route[name]) for name in _PRICES if name in route}
    upstream_model = route.get("model", "")
    row = Route(chat_model=model, provider=provider, upstream_model=upstream_model, position=position, **prices)
    _set_timeouts(where, row, route)
    _save(where, row)


def _set_timeouts(where: str, row: Provider | ChatModel | Route, fields: dict[str, Any]) -> None:
    for name in timeouts.NAMES:
        value = fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise CommandError(f"{where}: {name} must be a number of seconds, not {value!r}")
        setattr(row, name, value)


def _price(where: str, name: str, value: Any) -> Decimal:
    """The number exactly as written: as a float, 0.8 is not quite 0.8."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CommandError(f"{where}: {name} must be a number in CNY per million tokens, not {value!r}")
    return Decimal(str(value))


def _refuse_unknown(where: str, fields: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise CommandError(f"{where}: unknown {', '.join(unknown)} (known: {', '.join(sorted(known))})")


def _save(where: str, row: Provider | ChatModel | Route) -> None:
    try:
        row.full_clean()
    except ValidationError as err:
        problems = "; ".join(f"{field}: {' '.join(texts)}" for field, texts in err.message_dict.items())
        raise CommandError(f"{where}: {problems}") from err
    row.save()
