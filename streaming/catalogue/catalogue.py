"""Which models exist and how each is served: the rows from the admin, plus models of `ARK_MODELS` that have no row."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from streaming.catalogue import prices, vendors
from streaming.catalogue.prices import Price, Prices
from streaming.catalogue.timeouts import AS_SET, Timeouts
from streaming.models import ChatModel, Route
from streaming.upstream import proxies
from streaming.wire.vendors import general
from streaming.wire.vendors.vendor import Vendor

_MIN_SECRET_CHARS = 12  # shorter values of headers are names, which may be words of any message


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLimits:
    """What one route may carry, over all processes; None: any amount. At least one of them is given."""

    rpm: int | None
    tpm: int | None
    tpm_ramp_percent: int | None

    @classmethod
    def of(cls, *, rpm: int | None, tpm: int | None, tpm_ramp_percent: int | None) -> "RouteLimits | None":
        if rpm is None and tpm is None and tpm_ramp_percent is None:
            return None
        return cls(rpm=rpm, tpm=tpm, tpm_ramp_percent=tpm_ramp_percent)


@dataclass(frozen=True, kw_only=True)
class ServedRoute:
    """A route, with everything that a request needs.

    `api_key_env` is "" for a provider without a key, `proxy_env` for one that goes the way of the environment.
    """

    provider: str
    base_url: str
    api_key_env: str
    dialect: str
    upstream_model: str
    prices: Prices = Prices()  # noqa: RUF009  # immutable
    timeouts: Timeouts = AS_SET
    vendor: Vendor = general.VENDOR
    proxy_env: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    send_stream_options: bool = True
    default_params: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    drop_params: frozenset[str] = frozenset()
    weight: int = 1
    limits: RouteLimits | None = None
    chat_model: str = field(default="", compare=False)

    @cached_property
    def key(self) -> str:
        """Names the route in every process, also after its row was written again; another address is another route."""
        return f"{self.chat_model}:{self.provider}/{self.upstream_model}@{self.base_url}"

    @property
    def api_key(self) -> str:
        return os.environ.get(self.api_key_env, "").strip()  # key files tend to end in a line feed

    @property
    def proxy_url(self) -> str | None:
        """Raises: ValueError, if the variable of the provider's proxy is not set."""
        if not self.proxy_env:
            return self._proxy_url_in_environment
        if proxy_url := os.environ.get(self.proxy_env, "").strip():
            return proxy_url
        raise ValueError(f"{self.proxy_env} is not set")

    @cached_property
    def _proxy_url_in_environment(self) -> str | None:
        return proxies.url_in_environment(self.base_url)

    @property
    def secrets(self) -> list[str]:
        """The texts of this route that no client may see."""
        address = urlsplit(self.base_url)
        host = address.hostname or ""
        if "." not in host:
            host = ""  # a host of one word ("api") would be blanked out in every message
        told = [text for text in self.headers.values() if len(text) >= _MIN_SECRET_CHARS]
        return [text for text in dict.fromkeys((self.api_key, address.netloc, host, *told)) if text]


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A public model. `created_at` is in Unix seconds, 0 when it comes from the environment."""

    name: str
    created_at: int
    routes: tuple[ServedRoute, ...]
    is_weighted: bool = False


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All served models by name, in display order; the first is the default."""

    models: dict[str, ServedModel]
    read_at: float

    @property
    def default_name(self) -> str | None:
        return settings.CHAT_DEFAULT_MODEL or next(iter(self.models), None)

    @cached_property
    def longest_turn_s(self) -> float:
        return max((route.timeouts.total_s for model in self.models.values() for route in model.routes), default=0)


_current: Catalogue | None = None


def current() -> Catalogue | None:
    """The catalogue in memory, unless it is older than `CHAT_CATALOGUE_CACHE_S`."""
    if _current is None or time.monotonic() - _current.read_at > settings.CHAT_CATALOGUE_CACHE_S:
        return None
    return _current


def longest_turn_s() -> float:
    """How long a turn over any route can last, as far as this process has read the catalogue."""
    of_routes = _current.longest_turn_s if _current is not None else 0
    return max(settings.CHAT_TOTAL_TIMEOUT_S, of_routes)


def read() -> Catalogue:
    """Read the catalogue from the database and keep it; two queries."""
    global _current  # one per process, replaced as a whole
    models = {model.name: model for model in (*_of_environment(), *_of_database())}
    _current = read = Catalogue(models=models, read_at=time.monotonic())
    return read  # not `_current`, which another thread may have replaced meanwhile


def _of_environment() -> list[ServedModel]:
    return [
        ServedModel(
            name=name,
            created_at=0,
            routes=(
                ServedRoute(
                    provider="ark",
                    base_url=settings.ARK_BASE_URL,
                    api_key_env="ARK_API_KEY",
                    dialect="ark",
                    upstream_model=upstream_model,
                    vendor=vendors.of(vendor="ark", base_url=settings.ARK_BASE_URL, slug="ark", dialect="ark"),
                    chat_model=name,
                ),
            ),
        )
        for name, upstream_model in settings.ARK_MODELS.items()
    ]


def _of_database() -> list[ServedModel]:
    rows = ChatModel.objects.with_routes().order_by("created_at", "pk")
    return [
        ServedModel(
            name=row.name,
            created_at=int(row.created_at.timestamp()),
            routes=tuple(served(route) for route in row.routes.all()),
            is_weighted=row.balance == ChatModel.Balance.WEIGHTED,
        )
        for row in rows
    ]


def served(route: Route) -> ServedRoute:
    provider = route.provider
    return ServedRoute(
        provider=provider.slug,
        base_url=provider.base_url,
        api_key_env=provider.api_key_env,
        dialect=provider.dialect,
        vendor=vendors.of(
            vendor=provider.vendor, base_url=provider.base_url, slug=provider.slug, dialect=provider.dialect
        ),
        proxy_env=provider.proxy_env,
        headers=provider.headers,
        send_stream_options=provider.send_stream_options,
        upstream_model=route.upstream_model,
        chat_model=route.chat_model.name,
        prices=_prices(route),
        timeouts=Timeouts.of(route, route.chat_model, route.provider),
        default_params={name: msgspec.Raw(msgspec.json.encode(value)) for name, value in route.default_params.items()},
        drop_params=frozenset(route.drop_params),
        weight=route.weight,
        limits=RouteLimits.of(rpm=route.rpm, tpm=route.tpm, tpm_ramp_percent=route.tpm_ramp_percent),
    )


def _prices(route: Route) -> Prices:
    if route.prices:
        return prices.read(route.prices)
    return Prices.flat(
        Price.of(prompt=route.prompt_price, cached=route.cached_price, completion=route.completion_price)
    )
