"""May this request start a turn? The caller and the model, with at most one hop to a thread.

A key and the catalogue are kept in memory for a few seconds, so that a busy caller's turn begins without a query.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db import connection
from django.http import HttpRequest

from config.access import authentication, throttling
from config.access.models import ApiKey
from streaming import catalogue
from streaming.catalogue import Catalogue, ServedModel
from streaming.faults import Fault

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who is let in, and what is served."""

    key: ApiKey
    catalogue: Catalogue

    def models(self) -> list[ServedModel]:
        """The models that this caller may use."""
        return [model for model in self.catalogue.models.values() if self.key.may_use(model.name)]

    def model(self, name: str | None) -> ServedModel:
        """The model of this name, or the default one. Raises: Fault 404, 403."""
        name = name or self.catalogue.default_name
        model = self.catalogue.models.get(name or "")
        if model is None:
            raise Fault("model_not_found", f"The model {name!r} does not exist.", status=404, param="model")
        if not self.key.may_use(model.name):
            raise Fault("model_not_allowed", f"This key may not use the model {name!r}.", status=403, param="model")
        return model


async def admit(request: HttpRequest) -> Caller:
    """Raises: Fault 401, 429."""
    secret = _secret_of(request)
    key = authentication.remembered(secret)
    served = catalogue.current()
    if key is not None and served is not None and not key.is_throttled:
        return Caller(key=key, catalogue=served)
    return await _in_thread(lambda: _look_up(secret))


def _look_up(secret: str) -> Caller:
    key = authentication.remembered(secret) or authentication.look_up(secret)
    if key is None:
        raise Fault("invalid_api_key", "The API key is not valid.", status=401)
    wait_s = throttling.hit(key)
    if wait_s is not None:
        raise Fault("rate_limit_exceeded", "Too many requests with this key.", status=429, retry_after_s=wait_s)
    return Caller(key=key, catalogue=catalogue.current() or catalogue.read())


async def _in_thread(work: Callable[[], T]) -> T:
    """Run database work off the loop, and give the connection back: no request signal does it on these paths."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.get_running_loop().run_in_executor(None, run)


def _secret_of(request: HttpRequest) -> str:
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Fault("missing_api_key", "Send your API key as: Authorization: Bearer <key>.", status=401)
    return str(secret.strip())
