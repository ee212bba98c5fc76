"""The file of `sync_models`: providers, public models and routes as code, written into the rows that the admin edits.

The file is the truth about the rows that it names: a member that it leaves out gets its default again. Other rows stay
as they are. Every refusal names the place, and for an unknown word the nearest known one.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from streaming.catalogue import prices, timeouts
from streaming.models import ChatModel, Provider, Route

_PRICES = ("prompt_price", "cached_price", "completion_price")
_TIMEOUTS: dict[str, type] = dict.fromkeys(timeouts.NAMES, float)
_PROVIDER: dict[str, type] = {
    "base_url": str,
    "api_key_env": str,
    "dialect": str,
    "vendor": str,
    "proxy_env": str,
    "headers": dict,
    "send_stream_options": bool,
    **_TIMEOUTS,
}
_MODEL: dict[str, type] = {"balance": str, "routes": list, **_TIMEOUTS}
_ROUTE: dict[str, type] = {
    "provider": str,
    "model": str,
    "weight": int,
    "rpm": int,
    "tpm": int,
    "tpm_ramp_percent": int,
    "default_params": dict,
    "drop_params": list,
    "prices": list,
    **dict.fromkeys(_PRICES, Decimal),
    **_TIMEOUTS,
}
_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number of seconds",
    Decimal: "a number in CNY per million tokens",
    dict: "a table",
    list: "a list",
}
_OF_TOML: dict[type, tuple[type, ...]] = {float: (int, float), Decimal: (int, float)}


class WrongFile(Exception):  # noqa: N818  # named by what happened
    """What is wrong, and where."""


def sync(wanted: Mapping[str, Any]) -> None:
    """Write the file's rows, or none of them. Raises: WrongFile."""
    _refuse_unknown("the file", wanted, ("providers", "models"))
    with transaction.atomic():
        for slug, fields in _tables(wanted, "providers").items():
            _sync_provider(f"[providers.{slug}]", slug, fields)
        for name, fields in _tables(wanted, "models").items():
            _sync_model(f"[models.{name}]", name, fields)


def _tables(wanted: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    tables = wanted.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise WrongFile(f"[{key}] must contain tables: [{key}.NAME]")
    return tables


def _sync_provider(where: str, slug: str, fields: dict[str, Any]) -> None:
    _check(where, fields, _PROVIDER)
    provider = Provider.objects.filter(slug=slug).first() or Provider(slug=slug)
    _set(provider, _PROVIDER.keys() - {"base_url"}, fields)
    provider.base_url = fields.get("base_url", provider.base_url)
    _save(where, provider)


def _sync_model(where: str, name: str, fields: dict[str, Any]) -> None:
    """The file's routes replace all of the model's routes, because their order matters."""
    _check(where, fields, _MODEL)
    model = ChatModel.objects.filter(name=name).first() or ChatModel(name=name)
    _set(model, _MODEL.keys() - {"routes"}, fields)
    _save(where, model)
    routes = fields.get("routes")
    if not routes:
        raise WrongFile(f"{where}: routes must be a list of at least one {{ provider, model }}")
    model.routes.all().delete()
    for position, route in enumerate(routes):
        _add_route(f"{where} routes[{position}]", model, position, route)


def _add_route(where: str, model: ChatModel, position: int, fields: Any) -> None:
    if not isinstance(fields, dict):
        raise WrongFile(f"{where}: {fields!r} is not {{ provider, model }}")
    _check(where, fields, _ROUTE)
    slug = fields.get("provider", "")
    provider = Provider.objects.filter(slug=slug).first()
    if provider is None:
        nearest = _nearest(slug, Provider.objects.values_list("slug", flat=True))
        raise WrongFile(f"{where}: provider {slug!r} is neither in the file nor in the database{nearest}")
    route = Route(chat_model=model, provider=provider, upstream_model=fields.get("model", ""), position=position)
    _set(route, _ROUTE.keys() - {"provider", "model"}, fields)
    _save(where, route)


def _check(where: str, fields: Mapping[str, Any], known: Mapping[str, type]) -> None:
    """Names and types; whether the values are possible is the rows' own business."""
    _refuse_unknown(where, fields, known)
    for name, value in fields.items():
        types = _OF_TOML.get(known[name], (known[name],))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise WrongFile(f"{where}: {name} must be {_WORDS[known[name]]}, not {value!r}")


def _refuse_unknown(where: str, fields: Mapping[str, Any], known: Iterable[str]) -> None:
    if unknown := sorted(fields.keys() - set(known)):
        nearest = "".join(_nearest(name, known) for name in unknown[:1])
        raise WrongFile(f"{where}: unknown {', '.join(unknown)}{nearest} (known: {', '.join(sorted(known))})")


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _set(row: models.Model, names: Iterable[str], fields: Mapping[str, Any]) -> None:
    blank = type(row)()  # nothing but defaults
    for name in names:
        value = fields.get(name)
        if isinstance(value, float | int) and name in _PRICES:
            value = Decimal(str(value))  # exactly as written: as a float, 0.8 is not quite 0.8
        elif name == "prices" and value and all(isinstance(rule, dict) for rule in value):
            value = prices.plain(value)
        setattr(row, name, getattr(blank, name) if value is None else value)


def _save(where: str, row: Provider | ChatModel | Route) -> None:
    try:
        row.full_clean()
    except ValidationError as err:
        problems = "; ".join(_problem(row, field, texts) for field, texts in err.message_dict.items())
        raise WrongFile(f"{where}: {problems}") from err
    row.save()


def _problem(row: models.Model, name: str, texts: list[str]) -> str:
    """With the words to choose from, where there are some."""
    field = row._meta.get_field(name) if name != "__all__" else None
    choices = [str(choice) for choice, _label in getattr(field, "flatchoices", [])]
    value = str(getattr(row, name, ""))
    if not choices or value in choices:
        return f"{name}: {' '.join(texts)}"
    return f"{name}: {value!r} is unknown{_nearest(value, choices)} (known: {', '.join(choices)})"
