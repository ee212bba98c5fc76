"""The sandbox: fake Ark and fake Ocean Engine in one ASGI program.

    uvicorn sandbox.app:application --port 9000 --timeout-graceful-shutdown 1

One process only: ledger, faults and pace live in its memory. docs/sandbox.md describes it.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sandbox.vendors.ark import Ark
from sandbox.vendors.authentication import Authentication
from sandbox.vendors.exchange import JSON, Exchange, Message, Receive, Send
from sandbox.vendors.faults import FaultBook, UnknownFaultError
from sandbox.vendors.ledger import Ledger
from sandbox.vendors.marketing import Marketing
from sandbox.vendors.ocean_engine import OceanEngine

PACE_SETTING = "SANDBOX_TOKENS_PER_S"
DEFAULT_TOKENS_PER_S = "50"

Handler = Callable[[Exchange], Awaitable[None]]


class PaceOrder(Struct, forbid_unknown_fields=True):
    """How fast the fake models answer; 0 is as fast as possible."""

    tokens_per_s: Annotated[float, Meta(ge=0)]


class Sandbox:
    def __init__(self, tokens_per_s: float) -> None:
        self.ledger = Ledger()
        self.faults = FaultBook()
        self.ark = Ark(self.ledger, self.faults, tokens_per_s)
        authentication = Authentication(self.faults)
        ocean_engine = OceanEngine(self.ledger, self.faults, authentication)
        marketing = Marketing(self.faults)
        self.routes: dict[tuple[str, str], Handler] = {
            ("POST", "/api/v3/chat/completions"): self.ark.complete,
            ("POST", "/v1/chat/completions"): self.ark.complete,
            ("POST", "/sdk/app/attribution/"): ocean_engine.attribution,
            ("POST", "/api/v2/conversion"): ocean_engine.conversion,
            ("POST", "/open_api/oauth2/app_access_token/"): ocean_engine.app_access_token,
            ("GET", "/openapi/audit/oauth.html"): marketing.consent,
            ("POST", "/open_api/oauth2/access_token/"): marketing.access_token,
            ("POST", "/open_api/oauth2/refresh_token/"): marketing.refresh_token,
            ("GET", "/open_api/oauth2/advertiser/get/"): marketing.accounts,
            ("GET", "/open_api/2/customer_center/advertiser/list/"): marketing.below_organisation,
            ("GET", "/open_api/2/agent/advertiser/select/"): marketing.below_agency,
            ("GET", "/open_api/v3.0/report/custom/get/"): marketing.report,
            ("GET", "/_authentication"): authentication.show,
            ("POST", "/_authentication"): authentication.set_order,
            ("DELETE", "/_authentication"): authentication.clear,
            ("GET", "/_costs"): marketing.show_costs,
            ("POST", "/_costs"): marketing.set_costs,
            ("DELETE", "/_costs"): marketing.clear_costs,
            ("POST", "/_devices"): ocean_engine.set_device,
            ("DELETE", "/_devices"): ocean_engine.clear_devices,
            ("GET", "/_ledger"): self.show_ledger,
            ("DELETE", "/_ledger"): self.clear_ledger,
            ("GET", "/_faults"): self.list_faults,
            ("POST", "/_faults"): self.add_fault,
            ("DELETE", "/_faults"): self.clear_faults,
            ("DELETE", "/_faults/{id}"): self.remove_fault,
            ("POST", "/_pace"): self.set_pace,
            ("GET", "/"): self.introduce,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            exchange = Exchange(scope, receive, send)
            await self._handler(exchange)(exchange)

    def _handler(self, exchange: Exchange) -> Handler:
        path = "/_faults/{id}" if exchange.path.startswith("/_faults/") else exchange.path
        return self.routes.get((exchange.method, path), _not_found)

    async def introduce(self, exchange: Exchange) -> None:
        paths = "\n".join(f"  {method:6} {path}" for method, path in self.routes)
        text = f"Rivermouth's sandbox: a fake Ark and a fake Ocean Engine (see docs/sandbox.md).\n\n{paths}\n"
        await exchange.answer(200, text.encode(), b"text/plain; charset=utf-8")

    async def show_ledger(self, exchange: Exchange) -> None:
        query = exchange.query
        limit = query.get("limit")
        if limit is not None and not limit.isdecimal():
            await _refuse(exchange, f"limit: {limit!r} is not a number")
            return
        ledger = self.ledger.as_json(
            event_type=query.get("event_type"),
            outer_event_id=query.get("outer_event_id"),
            limit=None if limit is None else int(limit),
        )
        await exchange.answer(200, ledger, JSON)

    async def clear_ledger(self, exchange: Exchange) -> None:
        self.ledger.clear()
        await exchange.answer(204, b"", JSON)

    async def list_faults(self, exchange: Exchange) -> None:
        await exchange.answer_json(self.faults.as_list())

    async def add_fault(self, exchange: Exchange) -> None:
        try:
            fault_id = self.faults.add(await exchange.body())
        except UnknownFaultError as err:
            await _refuse(exchange, str(err))
            return
        await exchange.answer_json({"id": fault_id}, 201)

    async def clear_faults(self, exchange: Exchange) -> None:
        self.faults.clear()
        await exchange.answer(204, b"", JSON)

    async def remove_fault(self, exchange: Exchange) -> None:
        name = exchange.path.removeprefix("/_faults/")
        if name.isdecimal() and self.faults.remove(int(name)):
            await exchange.answer(204, b"", JSON)
        else:
            await _not_found(exchange)

    async def set_pace(self, exchange: Exchange) -> None:
        try:
            order = msgspec.json.decode(await exchange.body(), type=PaceOrder)
        except msgspec.DecodeError as err:
            await _refuse(exchange, str(err))
            return
        self.ark.tokens_per_s = order.tokens_per_s
        await exchange.answer_json(order)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _not_found(exchange: Exchange) -> None:
    await exchange.answer_json({"error": f"nothing at {exchange.method} {exchange.path}; GET / lists the paths"}, 404)


async def _refuse(exchange: Exchange, error: str) -> None:
    await exchange.answer_json({"error": error}, 400)


def _pace_setting() -> float:
    value = os.environ.get(PACE_SETTING, DEFAULT_TOKENS_PER_S)
    try:
        return msgspec.convert({"tokens_per_s": value}, PaceOrder, strict=False).tokens_per_s
    except msgspec.ValidationError as err:
        raise SystemExit(f"{PACE_SETTING}={value}: {err}") from err


application = Sandbox(_pace_setting())
