"""Whether the fake Ocean Engine knows who reports: tokens of an app, which expire, or RSA signatures.

As at the start it asks nobody. `POST /_authentication` chooses: "off" keeps what is not authenticated and says so
(code 128), "on" refuses it.
"""

import hashlib
import itertools
import time
from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta, Struct

from sandbox.vendors.exchange import Exchange
from sandbox.vendors.faults import Empty, Fault, FaultBook, Huge, Instead, Vendor

KEPT = 128
EXPIRED, MISSING, WRONG, BAD_PARAMETER = 40102, 40104, 40105, 40001
TOKEN_S = 24 * 3600
# How far the seconds of a signature may be from the vendor's clock.
SIGNED_WITHIN_S = 600


class Order(Struct, forbid_unknown_fields=True):
    """`public_key`: of the RSA signatures, in PEM. `secret`: the only right one; "": any."""

    switch: Literal["ignored", "off", "on"] = "ignored"
    token_s: Annotated[float, Meta(ge=0)] = TOKEN_S
    public_key: str = ""
    secret: str = ""


class _Asked(Struct):
    app_id: str | int = ""
    secret: str = ""


_order_decoder = msgspec.json.Decoder(Order)
_asked_decoder = msgspec.json.Decoder(_Asked)


class Authentication:
    def __init__(self, faults: FaultBook) -> None:
        self._faults = faults
        self._numbers = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        self._order = Order()
        self._tokens: dict[str, float] = {}  # until when each is good
        self._issued = 0

    async def set_order(self, exchange: Exchange) -> None:
        """An empty object is as at the start; tokens stay good."""
        try:
            self._order = _order_decoder.decode(await exchange.body())
        except msgspec.DecodeError as err:
            await exchange.answer_json({"error": str(err)}, 400)
            return
        await self.show(exchange)

    async def show(self, exchange: Exchange) -> None:
        await exchange.answer_json({"switch": self._order.switch, "issued": self._issued})

    async def clear(self, exchange: Exchange) -> None:
        """All tokens die."""
        self.reset()
        await exchange.answer(204, b"", b"application/json")

    async def issue(self, exchange: Exchange, vendor: Vendor) -> None:
        body = await exchange.body()
        fault = self._faults.take("app_token")
        if isinstance(fault, Instead) and not fault.processed:
            await fault.answer(exchange, vendor)
            return
        asked = _asked(body)
        if not (asked.app_id and asked.secret) or self._order.secret not in ("", asked.secret):
            await exchange.answer_json({"code": BAD_PARAMETER, "message": "secret 错误", "data": {}})
            return
        token = f"app-token-{next(self._numbers)}"
        self._tokens[token] = time.time() + self._order.token_s
        self._issued += 1
        await _answer(exchange, vendor, fault, {"access_token": token, "expires_in": self._order.token_s})

    def verdict(self, exchange: Exchange, body: bytes) -> tuple[int, str] | None:
        """The code and message for who sent this; None: known, or nobody asks."""
        if self._order.switch == "ignored":
            return None
        problem = self._problem(exchange, body)
        if problem and self._order.switch == "off":
            return KEPT, f"鉴权未通过，开启鉴权后将被丢弃: {problem[1]}"
        return problem

    def _problem(self, exchange: Exchange, body: bytes) -> tuple[int, str] | None:
        if signature := exchange.header(b"x-rs256-token"):
            is_right = self._is_signed(exchange, body, dict(parse_qsl(signature.replace("+", "%2B"))))
            return None if is_right else (WRONG, "x-rs256-token 错误")
        token = exchange.header(b"app-access-token")
        if not token:
            return MISSING, "access_token 为空"
        if token not in self._tokens:
            return WRONG, "access_token 错误"
        return (EXPIRED, "access_token 已过期") if self._tokens[token] < time.time() else None

    def _is_signed(self, exchange: Exchange, body: bytes, given: dict[str, str]) -> bool:
        key = load_pem_public_key(self._order.public_key.encode()) if self._order.public_key else None
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        signed = "\n".join([exchange.method, f"{exchange.path.rstrip('/')}/", given.get("timestamp", ""), digest])
        if not isinstance(key, RSAPublicKey) or abs(time.time() - float(given["timestamp"])) > SIGNED_WITHIN_S:
            return False
        try:
            key.verify(b64decode(given["signature"]), signed.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, KeyError, ValueError):
            return False
        return True


async def _answer(exchange: Exchange, vendor: Vendor, fault: Fault | None, data: dict[str, Any]) -> None:
    if isinstance(fault, Instead):
        await fault.answer(exchange, vendor)
        return
    message = "x" * fault.bytes if isinstance(fault, Huge) else "OK"
    answer = b"" if isinstance(fault, Empty) else msgspec.json.encode({"code": 0, "message": message, "data": data})
    await exchange.answer(200, answer, b"application/json")


def _asked(body: bytes) -> _Asked:
    try:
        return _asked_decoder.decode(body)
    except msgspec.DecodeError:
        return _Asked()
