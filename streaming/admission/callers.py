"""May this request start a turn? Checks the caller and the model, with at most one hop to a thread.

Keys and the catalogue are cached in memory for a few seconds, so that a busy caller's turn begins without a query.
"""

import asyncio
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from foundation.access import authentication, throttling
from foundation.access.credentials import Credential
from foundation.database.threads import in_thread
from streaming.admission import limits
from streaming.admission.limits import Grant
from streaming.catalogue import catalogue
from streaming.catalogue.catalogue import Catalogue, ServedModel
from streaming.models import Completion
from streaming.wire import faults
from streaming.wire.faults import Fault


@dataclass(frozen=True, kw_only=True)
class Caller:
    """An admitted caller, and the catalogue of served models."""

    credential: Credential
    catalogue: Catalogue

    def models(self) -> list[ServedModel]:
        """The models that this caller may use."""
        return [model for model in self.catalogue.models.values() if self.credential.may_use(model.name)]

    def visible_model(self, name: str) -> ServedModel:
        """The model of this name, if this caller may know of it. Raises: Fault 404."""
        model = self.catalogue.models.get(name)
        if model is None or not self.credential.may_use(name):
            raise faults.unknown_model(name)
        return model

    def model(self, name: str | None) -> ServedModel:
        """The model of this name, or the default one. Raises: Fault 404, 403."""
        name = name or self.catalogue.default_name
        model = self.catalogue.models.get(name or "")
        if model is None:
            raise faults.unknown_model(name or "")
        if not self.credential.may_use(model.name):
            raise Fault("model_not_allowed", f"This key may not use the model {name!r}.", status=403, param="model")
        return model


async def admit(request: HttpRequest) -> Caller:
    """Identify the caller and count the request. Raises: Fault 401, 429."""
    caller = await identify(request)
    await count(caller)
    return caller


async def count(caller: Caller) -> None:
    """Raises: Fault 429."""
    wait_s = await throttling.ahit(caller.credential)
    if wait_s is not None:
        raise limits.too_many_requests(wait_s)


async def identify(request: HttpRequest) -> Caller:
    """Identify the caller. A turn is counted when it begins (`limits.enter`), not here. Raises: Fault 401, 503."""
    try:
        secret = authentication.secret_of(request.META.get("HTTP_AUTHORIZATION", ""))
    except authentication.NoSecret as err:
        message = "Send your API key as: Authorization: Bearer <key>."
        raise Fault("missing_api_key", message, status=401) from err
    credential = authentication.without_query(secret)
    served = catalogue.current()
    if credential is not None and served is not None:
        return Caller(credential=credential, catalogue=served)
    try:
        # One timeout for a connection and one for the answer: otherwise a hanging PostgreSQL would hold the request.
        async with asyncio.timeout(2 * settings.DATABASE_POOL_TIMEOUT_S):
            return await _looked_up(secret)
    except TimeoutError as err:
        raise faults.database_unavailable() from err


# By secret. Simultaneous requests share one look-up. Otherwise, whenever a busy key is due to be read again, each of
# its turns would query the database, and their threads would take CPU from the streams.
_look_ups: "dict[str, asyncio.Task[Caller]]" = {}


async def _looked_up(secret: str) -> Caller:
    task = _look_ups.get(secret)
    if task is None:
        task = _look_ups[secret] = asyncio.create_task(in_thread(lambda: _look_up(secret)))
        task.add_done_callback(lambda done: _forget(secret, done))
    return await asyncio.shield(task)  # a caller that leaves must not cancel it for the others


def _forget(secret: str, task: "asyncio.Task[Caller]") -> None:
    del _look_ups[secret]
    if not task.cancelled():
        task.exception()  # mark it as retrieved, in case every caller has left


def _look_up(secret: str) -> Caller:
    credential = authentication.look_up(secret)
    if credential is None:
        raise Fault("invalid_api_key", "The API key is not valid.", status=401)
    return Caller(credential=credential, catalogue=catalogue.current() or catalogue.read())


def leave(grant: Grant, completion: Completion) -> None:
    """The turn has ended: release its slots and count its tokens. Returns at once."""
    limits.leave(grant, (completion.prompt_tokens or 0) + (completion.completion_tokens or 0))
