"""A fake of Ocean Engine's Marketing API: consent, tokens that rotate, accounts, and reports of costs with pages.

What an ad cost on a day follows from a hash of both, so that it is the same at each start; figures of today grow with
the hour. Reference: https://open.oceanengine.com/labels/7/docs
"""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from sandbox.vendors.ads import ADS, Ad
from sandbox.vendors.exchange import JSON, Exchange
from sandbox.vendors.faults import Cut, Empty, Fault, FaultBook, Huge, Instead, Slow, Target

SUCCESS, BAD_PARAMETER, NO_PERMISSION, BAD_REFRESH_TOKEN = 0, 40001, 40002, 40107
EXPIRED, MISSING, WRONG = 40102, 40104, 40105
ACCESS_S, REFRESH_S = 24 * 3600, 30 * 24 * 3600
CHINA = timezone(timedelta(hours=8))
MAX_SPAN_DAYS, MAX_PAGE_SIZE = 30, 1000
ADVERTISERS = tuple(dict.fromkeys(ad.advertiser_id for ad in ADS))
NAMES = dict(zip(ADVERTISERS, ("杭州学习科技", "深圳陪伴网络", "成都老账户"), strict=True))
# The first advertiser is granted itself; the others belong to an organisation and an agency.
ORGANISATION, AGENCY = 1700000000000000101, 1700000000000000102
GRANTED = (
    {"advertiser_id": ADVERTISERS[0], "advertiser_name": NAMES[ADVERTISERS[0]], "account_role": "ADVERTISER"},
    {"advertiser_id": ORGANISATION, "advertiser_name": "纵横组织", "account_role": "CUSTOMER_ADMIN"},
    {"advertiser_id": AGENCY, "advertiser_name": "代理商", "account_role": "AGENT"},
)
MATERIALS = ("竖版视频-口播", "横版视频-剧情", "大图-图文")
METRICS = (
    "stat_cost", "show_cnt", "click_cnt", "convert_cnt", "active", "active_register", "active_pay", "game_pay_count",
    "next_day_open", "game_addiction",
)  # fmt: skip
OF_ADS = {"stat_time_day", "cdp_project_id", "cdp_project_name", "cdp_promotion_id", "cdp_promotion_name"}
DIMENSIONS = {
    "BASIC_DATA": OF_ADS,
    "MATERIAL_DATA": {*OF_ADS, "material_id", "material_name"},
}


class RefusalError(Exception):
    """The vendor answers with this code, in a 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenRequest(Struct):
    app_id: str | int = ""
    secret: str = ""
    grant_type: str = ""
    auth_code: str = ""
    refresh_token: str = ""


class CostOrder(Struct, forbid_unknown_fields=True):
    """How many more promotions each advertiser has, and how long an access token lives."""

    promotions: Annotated[int, Meta(ge=0, le=20_000)] = 0
    access_s: Annotated[float, Meta(ge=0)] = ACCESS_S
    refresh_s: Annotated[float, Meta(ge=0)] = REFRESH_S


@dataclass(slots=True)
class Grant:
    """One consent, with the only pair of its tokens that is good."""

    access_token: str = ""
    refresh_token: str = ""
    access_until: float = 0
    refresh_until: float = 0


_token_decoder = msgspec.json.Decoder(TokenRequest)
_order_decoder = msgspec.json.Decoder(CostOrder)


class Marketing:
    def __init__(self, faults: FaultBook) -> None:
        self._faults = faults
        self.reset()

    def reset(self) -> None:
        self._codes: dict[str, Grant] = {}
        self._grants: list[Grant] = []
        self._numbers = itertools.count(1)
        self._order = CostOrder()
        self.refreshes = 0

    def error(self, status: int, code: str | int | None, message: str | None) -> dict[str, Any]:
        return {"code": 50000 if code is None else code, "message": message or "系统错误", "data": {}}

    async def consent(self, exchange: Exchange) -> None:
        """The vendor's page: whoever comes grants access, and goes back with a code."""
        query = exchange.query
        if not (query.get("app_id") and query.get("redirect_uri")):
            await exchange.answer_json({"error": "app_id and redirect_uri are needed"}, 400)
            return
        code = f"code-{next(self._numbers)}"
        self._codes[code] = Grant()
        address = f"{query['redirect_uri']}?auth_code={code}&state={quote(query.get('state', ''))}"
        await exchange.answer(302, b"", b"text/html", [(b"location", address.encode())])

    async def access_token(self, exchange: Exchange) -> None:
        await self._tokens(exchange, self._by_code)

    async def refresh_token(self, exchange: Exchange) -> None:
        await self._tokens(exchange, self._by_refresh_token)

    async def accounts(self, exchange: Exchange) -> None:
        await self._serve(exchange, lambda query: {"list": [{**each, "is_valid": True} for each in GRANTED]})

    async def below_organisation(self, exchange: Exchange) -> None:
        below = {"advertiser_id": ADVERTISERS[1], "advertiser_name": NAMES[ADVERTISERS[1]]}
        await self._serve(exchange, lambda query: {"list": [below], "page_info": _pages(1, 1, 100)})

    async def below_agency(self, exchange: Exchange) -> None:
        """Two pages of one, as ids alone."""

        def listed(query: Mapping[str, str]) -> dict[str, Any]:
            page = int(query.get("page", 1))
            return {"list": [ADVERTISERS[page]], "page_info": _pages(2, page, 1)}

        await self._serve(exchange, listed)

    async def report(self, exchange: Exchange) -> None:
        await self._serve(exchange, self._report, "report")

    async def set_costs(self, exchange: Exchange) -> None:
        """`POST /_costs`; an empty object is as at the start."""
        try:
            self._order = _order_decoder.decode(await exchange.body())
        except msgspec.DecodeError as err:
            await exchange.answer_json({"error": str(err)}, 400)
            return
        await exchange.answer_json(self._order)

    async def clear_costs(self, exchange: Exchange) -> None:
        """All tokens die."""
        self.reset()
        await exchange.answer(204, b"", JSON)

    async def show_costs(self, exchange: Exchange) -> None:
        await exchange.answer_json({"refreshes": self.refreshes, "grants": len(self._grants)})

    async def _tokens(self, exchange: Exchange, grant_of: Callable[[TokenRequest], Grant]) -> None:
        """A fault that processes first has changed the tokens, and nobody hears of the new ones."""
        body = await exchange.body()
        fault = self._faults.take("oauth")
        if isinstance(fault, Instead) and not fault.processed:
            await fault.answer(exchange, self)
            return
        try:
            asked = _decoded(body)
            grant = grant_of(asked)
        except RefusalError as refusal:
            await exchange.answer_json({"code": refusal.code, "message": str(refusal), "data": {}})
            return
        await self._answer(exchange, fault, self._new_pair(grant))

    def _by_code(self, asked: TokenRequest) -> Grant:
        grant = self._codes.pop(asked.auth_code, None)
        if grant is None:
            raise RefusalError(BAD_PARAMETER, "auth_code 无效或已使用")
        self._grants.append(grant)
        return grant

    def _by_refresh_token(self, asked: TokenRequest) -> Grant:
        for grant in self._grants:
            if asked.refresh_token and grant.refresh_token == asked.refresh_token:
                if grant.refresh_until < time.time():
                    raise RefusalError(40103, "refresh_token 已过期")
                self.refreshes += 1
                return grant
        raise RefusalError(BAD_REFRESH_TOKEN, "refresh_token 错误")

    def _new_pair(self, grant: Grant) -> dict[str, Any]:
        number = next(self._numbers)
        grant.access_token, grant.refresh_token = f"access-{number}", f"refresh-{number}"
        grant.access_until = time.time() + self._order.access_s
        grant.refresh_until = time.time() + self._order.refresh_s
        return {
            "access_token": grant.access_token,
            "expires_in": self._order.access_s,
            "refresh_token": grant.refresh_token,
            "refresh_token_expires_in": self._order.refresh_s,
        }

    async def _serve(
        self, exchange: Exchange, data: Callable[[Mapping[str, str]], dict[str, Any]], on: Target = "accounts"
    ) -> None:
        query = exchange.query
        page, topic, advertiser_id = (query.get(name, "") for name in ("page", "data_topic", "advertiser_id"))
        fault = self._faults.take(on, page=page, data_topic=topic, advertiser_id=advertiser_id)
        if isinstance(fault, Instead):
            await fault.answer(exchange, self)
            return
        try:
            self._authenticate(exchange.header(b"access-token"))
            payload = data(query)
        except RefusalError as refusal:
            await exchange.answer_json({"code": refusal.code, "message": str(refusal), "data": {}})
            return
        await self._answer(exchange, fault, payload)

    def _authenticate(self, token: str) -> None:
        if not token:
            raise RefusalError(MISSING, "access_token 为空")
        for grant in self._grants:
            if grant.access_token == token:
                if grant.access_until < time.time():
                    raise RefusalError(EXPIRED, "access_token 已过期")
                return
        raise RefusalError(WRONG, "access_token 错误")

    async def _answer(self, exchange: Exchange, fault: Fault | None, payload: Mapping[str, Any]) -> None:
        if isinstance(fault, Instead):
            await fault.answer(exchange, self)
            return
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.delay_s)
        message = "x" * fault.bytes if isinstance(fault, Huge) else "OK"
        answer = {"code": SUCCESS, "message": message, "request_id": "20261130", "data": payload}
        body = b"" if isinstance(fault, Empty) else msgspec.json.encode(answer)
        if isinstance(fault, Cut):
            await exchange.start(200, JSON, [(b"content-length", b"%d" % len(body))])
            await exchange.write(body[: len(body) // 2])
            await exchange.close()
            return
        await exchange.answer(200, body, JSON)

    def _report(self, query: Mapping[str, str]) -> dict[str, Any]:
        asked = _checked(query)
        rows = list(self._rows(asked))
        page, size = int(query.get("page", 1)), int(query.get("page_size", 20))
        return {
            "rows": rows[(page - 1) * size : page * size],
            "total_metrics": {},
            "page_info": _pages(len(rows), page, size),
        }

    def _rows(self, asked: "Asked") -> Iterator[dict[str, Any]]:
        ads = [ad for ad in ADS if ad.advertiser_id == asked.advertiser_id]
        more = [
            Ad(
                advertiser_id=asked.advertiser_id,
                project_id=7500000000000000001,
                project_name="批量项目",
                promotion_id=7500000000000000001 + n,
                promotion_name=f"批量计划-{n}",
            )
            for n in range(self._order.promotions)
        ]
        for day in asked.days:
            for ad in [*ads, *more]:
                yield from _rows_of(ad, day, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    advertiser_id: int
    topic: str
    dimensions: list[str]
    metrics: list[str]
    days: list[date]


def _checked(query: Mapping[str, str]) -> Asked:
    """Raises: `RefusalError`, as the vendor does for what it does not know."""
    try:
        since, until = date.fromisoformat(query["start_time"]), date.fromisoformat(query["end_time"])
        dimensions, metrics = json.loads(query["dimensions"]), json.loads(query["metrics"])
        json.loads(query["filters"]), json.loads(query["order_by"])
        advertiser_id, size = int(query["advertiser_id"]), int(query.get("page_size", 20))
    except (KeyError, ValueError) as err:
        raise RefusalError(BAD_PARAMETER, f"参数错误: {err}") from err
    known = DIMENSIONS.get(query.get("data_topic", ""), set())
    if not (set(dimensions) <= known and set(metrics) <= set(METRICS) and size <= MAX_PAGE_SIZE):
        raise RefusalError(BAD_PARAMETER, "参数错误: dimensions / metrics / page_size")
    if not 0 <= (until - since).days < MAX_SPAN_DAYS:
        raise RefusalError(BAD_PARAMETER, "参数错误: 时间跨度不能超过30天")
    if advertiser_id not in ADVERTISERS:
        raise RefusalError(NO_PERMISSION, "没有权限")
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    return Asked(
        advertiser_id=advertiser_id, topic=query["data_topic"], dimensions=dimensions, metrics=metrics, days=days
    )


def cost_centifen(ad_id: int, day: date) -> int:
    """What this ad cost on this day, in hundredths of a fen; of today, the part that has passed."""
    digest = blake2b(f"{ad_id} {day}".encode(), digest_size=4).digest()
    whole = 200_000 + int.from_bytes(digest) % 8_000_000
    now = datetime.now(tz=CHINA)
    if day < now.date():
        return whole
    return whole * now.hour // 24 if day == now.date() else 0


def _rows_of(ad: Ad, day: date, asked: Asked) -> Iterator[dict[str, Any]]:
    ad_id = ad.promotion_id or ad.aid
    cost = cost_centifen(ad_id, day)
    names = {
        "stat_time_day": str(day),
        "cdp_project_id": str(ad.project_id or ad.campaign_id),
        "cdp_project_name": ad.project_name or ad.campaign_name,
        "cdp_promotion_id": str(ad_id),
        "cdp_promotion_name": ad.promotion_name or ad.aid_name,
    }
    if asked.topic == "BASIC_DATA":
        yield _row(names, cost, asked)
        return
    # An ad that shows two materials at once has its cost with both: their sum is more than the ad's.
    for n, name in enumerate(MATERIALS[: 1 + ad_id % 3]):
        yield _row({**names, "material_id": str(ad_id % 10**15 + n), "material_name": name}, cost * 2 // 3, asked)


def _row(names: Mapping[str, str], cost: int, asked: Asked) -> dict[str, Any]:
    yuan = f"{cost // 10_000}.{cost % 10_000:04}"
    clicks = cost // 15_000
    figures = {
        "stat_cost": yuan, "show_cnt": str(clicks * 50), "click_cnt": str(clicks), "convert_cnt": str(clicks // 12),
        "active": str(clicks // 12), "active_register": str(clicks // 20), "active_pay": str(clicks // 90),
        "game_pay_count": str(clicks // 70), "next_day_open": str(clicks // 30), "game_addiction": str(clicks // 40),
    }  # fmt: skip
    return {
        "dimensions": {name: names[name] for name in asked.dimensions},
        "metrics": {name: figures[name] for name in asked.metrics},
    }


def _pages(total: int, page: int, size: int) -> dict[str, int]:
    return {"page": page, "page_size": size, "total_number": total, "total_page": max(1, -(-total // size))}


def _decoded(body: bytes) -> TokenRequest:
    try:
        asked = _token_decoder.decode(body)
    except msgspec.DecodeError as err:
        raise RefusalError(BAD_PARAMETER, f"参数错误: {err}") from err
    if not (asked.app_id and asked.secret):
        raise RefusalError(BAD_PARAMETER, "参数错误: app_id / secret")
    return asked
