"""A fake Ocean Engine: the attribution query and the conversion report.

Reference: 巨量广告转化融合归因优化方案接入手册 V2.0, https://bytedance.larkoffice.com/docx/CgYBdVzoBogND2xv7PhcSfFNnyc
Only the codes 0 and 100 are publicly known; the others here are invented, since any nonzero code is a refusal.
"""

import asyncio
import time
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Raw, Struct

from sandbox.vendors import ads
from sandbox.vendors.authentication import KEPT, Authentication
from sandbox.vendors.exchange import JSON, Exchange
from sandbox.vendors.faults import Empty, Fault, FaultBook, Huge, Instead, Slow, Target, kind_of
from sandbox.vendors.ledger import Conversion, Ledger, Lookup, recorded_headers

PLATFORMS = ("android", "ios")
SUCCESS = {"code": 0, "message": "成功"}
UNPARSABLE, INCOMPLETE, INVALID, UNKNOWN_CALLBACK = 100, 101, 102, 103
ACTIVATION_WINDOW_DAYS = 30
MIN_TIMESTAMP_MS = 10**12  # a smaller value is in seconds, the usual mistake

# The vendor's answer for a device that no ad brought, field for field.
ORGANIC: dict[str, Any] = {
    "code": 0, "message": "成功", "adv_idfv": "", "adv_android_id": "", "idfa": "", "caid": "", "oaid": "", "odid": "",
    "is_dp_open": False, "activation_window": ACTIVATION_WINDOW_DAYS, "active_time": 0, "last_touch_time": 0,
    "project_id": 0, "project_name": "", "promotion_id": 0, "promotion_name": "", "aid": 0, "aid_name": "", "cid": 0,
    "cid_name": "", "advertiser_id": 0, "req_id": "", "track_id": "", "callback_param": "", "callback_url": "",
    "mid1": 0, "mid2": 0, "mid3": 0, "mid4": 0, "mid5": 0, "mid6": 0, "active_track_url": "", "action_track_url": "",
    "csite": 0, "union_site": 0, "campaign_name": "", "campaign_id": 0, "convert_source": "others", "demand_id": 0,
    "item_id": 0,
}  # fmt: skip


Parsed = TypeVar("Parsed")


class RefusalError(Exception):
    """The vendor answers with this code, in a 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Query(Struct, frozen=True):
    platform: str = ""
    android_id: str = ""
    idfv: str = ""
    package_name: str = ""
    customer_active_time: str = ""

    @property
    def device_id(self) -> str:
        return self.android_id if self.platform == "android" else self.idfv


class AdContext(Struct, frozen=True):
    callback: str = ""
    match_type: int = 0


class DeviceContext(Struct, frozen=True):
    platform: str = ""
    android_id: str = ""
    idfv: str = ""
    imei: str = ""
    oaid: str = ""
    idfa: str = ""
    caid: str = ""

    @property
    def device_id(self) -> str:
        if self.platform in ("android", "harmony"):
            return self.android_id or self.oaid or self.imei
        return self.idfv or self.idfa or self.caid


class Context(Struct, frozen=True):
    ad: AdContext = AdContext()
    device: DeviceContext = DeviceContext()

    @property
    def is_page(self) -> bool:
        """A landing page or mini game, which reports by the `clickid` of its address and knows no device."""
        return self.device == DeviceContext()


class Properties(Struct, frozen=True):
    pay_amount: int | None = None


class Report(Struct, frozen=True):
    event_type: str = ""
    context: Context = Context()
    properties: Properties = Properties()
    outer_event_id: str = ""
    timestamp: int = 0


class DeviceRule(Struct, forbid_unknown_fields=True):
    """An override for one device. Attributed devices are organic for their first `after_lookups` queries.

    `clicks`: how often its ad was clicked; each click gives another callback. `touched_s_ago`: when the last time was.
    """

    device_id: Annotated[str, Meta(min_length=1)]
    attributed: bool = True
    advertiser_id: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | None = None
    after_lookups: Annotated[int, Meta(ge=0)] = 0
    clicks: Annotated[int, Meta(ge=1)] = 1
    touched_s_ago: Annotated[int, Meta(ge=0)] | None = None


_query_decoder = msgspec.json.Decoder(Query)
_report_decoder = msgspec.json.Decoder(Report)
_rule_decoder = msgspec.json.Decoder(DeviceRule)


class OceanEngine:
    def __init__(self, ledger: Ledger, faults: FaultBook, authentication: Authentication) -> None:
        self._authentication = authentication
        self._ledger = ledger
        self._faults = faults
        self._rules: dict[str, DeviceRule] = {}

    def error(self, status: int, code: str | int | None, message: str | None) -> dict[str, Any]:
        return {"code": status if code is None else code, "message": message or "系统繁忙，请稍后重试"}

    async def set_device(self, exchange: Exchange) -> None:
        """Override one device; answers with the advertiser and the callback that it will have."""
        try:
            rule = _rule_decoder.decode(await exchange.body())
        except msgspec.DecodeError as err:
            await exchange.answer_json({"error": str(err)}, 400)
            return
        self._rules[rule.device_id] = rule
        ad = self._ad_of(rule.device_id)
        callback = ad and ads.callback_param(ad.advertiser_id, rule.device_id, rule.clicks)
        await exchange.answer_json({"advertiser_id": ad and ad.advertiser_id, "callback_param": callback})

    async def clear_devices(self, exchange: Exchange) -> None:
        self._rules.clear()
        await exchange.answer(204, b"", JSON)

    async def attribution(self, exchange: Exchange) -> None:
        """Which ad a device came from. Reference section 2."""
        body = await exchange.body()
        try:
            query = _parse_query(body)
        except RefusalError as refusal:
            await self._refuse(exchange, "attribution", refusal, body)
            return
        ad = self._ad_of(query.device_id)
        fault = self._faults.take("attribution", device_id=query.device_id, advertiser_id=ad.advertiser_id if ad else 0)
        if await self._answered_instead(exchange, "attribution", fault, body):
            return
        if await self._is_shut_out(exchange, "attribution", body):
            return
        if self._is_too_early(query.device_id):
            ad = None
        lookup = Lookup(time.time(), query.device_id, ad is not None, recorded_headers(exchange), Raw(body))
        self._ledger.lookups.append(lookup)
        await self._answer(exchange, fault, _attribution_of(query, ad, self._rules.get(query.device_id)))

    async def conversion(self, exchange: Exchange) -> None:
        """What a user did. Reference section 3."""
        body = await exchange.body()
        try:
            report, advertiser_id = _parse_report(body)
        except RefusalError as refusal:
            await self._refuse(exchange, "conversion", refusal, body)
            return
        device_id = report.context.device.device_id
        fault = self._faults.take(
            "conversion",
            event_type=report.event_type,
            outer_event_id=report.outer_event_id,
            device_id=device_id,
            advertiser_id=advertiser_id,
        )
        if await self._answered_instead(exchange, "conversion", fault, body):
            return
        if await self._is_shut_out(exchange, "conversion", body):
            return
        self._ledger.record_conversion(
            (report.context.ad.callback, report.event_type, report.outer_event_id or report.timestamp),
            Conversion(
                received_at=time.time(),
                event_type=report.event_type,
                outer_event_id=report.outer_event_id,
                advertiser_id=advertiser_id,
                device_id=device_id,
                headers=recorded_headers(exchange),
                body=Raw(body),
            ),
        )
        await self._answer(exchange, fault, self._kept(exchange, body) or SUCCESS)

    async def app_access_token(self, exchange: Exchange) -> None:
        await self._authentication.issue(exchange, self)

    def _kept(self, exchange: Exchange, body: bytes) -> dict[str, Any] | None:
        """The answer to a report that is kept although nobody knows who sent it."""
        verdict = self._authentication.verdict(exchange, body)
        return {"code": verdict[0], "message": verdict[1]} if verdict else None

    async def _is_shut_out(self, exchange: Exchange, on: Target, body: bytes) -> bool:
        verdict = self._authentication.verdict(exchange, body)
        if verdict is None or verdict[0] == KEPT:
            return False
        await self._refuse(exchange, on, RefusalError(*verdict), body)
        return True

    async def _refuse(self, exchange: Exchange, on: Target, refusal: RefusalError, body: bytes) -> None:
        self._ledger.record_refusal(on, refusal.code, exchange, body)
        await exchange.answer_json({"code": refusal.code, "message": str(refusal)})

    async def _answered_instead(self, exchange: Exchange, on: Target, fault: Fault | None, body: bytes) -> bool:
        """Whether a fault has answered in place of the vendor, with nothing processed."""
        if not isinstance(fault, Instead) or fault.processed:
            return False
        self._ledger.record_refusal(on, kind_of(fault), exchange, body)
        await fault.answer(exchange, self)
        return True

    async def _answer(self, exchange: Exchange, fault: Fault | None, payload: dict[str, Any]) -> None:
        if isinstance(fault, Instead):
            await fault.answer(exchange, self)
            return
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.delay_s)
        if isinstance(fault, Huge):
            payload = {**payload, "message": "x" * fault.bytes}
        body = b"" if isinstance(fault, Empty) else msgspec.json.encode(payload)
        await exchange.answer(200, body, JSON)

    def _ad_of(self, device_id: str) -> ads.Ad | None:
        rule = self._rules.get(device_id)
        if rule is None:
            return None if ads.is_organic(device_id) else ads.ad_of(device_id)
        return ads.ad_of(device_id, rule.advertiser_id) if rule.attributed else None

    def _is_too_early(self, device_id: str) -> bool:
        """Whether the launch of this device has not reached the vendor yet; counts this query."""
        rule = self._rules.get(device_id)
        if rule is None or rule.after_lookups == 0:
            return False
        rule.after_lookups -= 1
        return True


def _parse_query(body: bytes) -> Query:
    query = _decode(_query_decoder, body)
    if query.platform not in PLATFORMS:
        raise RefusalError(INVALID, "参数错误: platform")
    if not query.device_id:
        raise RefusalError(INCOMPLETE, "缺少参数: android_id" if query.platform == "android" else "缺少参数: idfv")
    if not query.package_name:
        raise RefusalError(INCOMPLETE, "缺少参数: package_name")
    return query


def _parse_report(body: bytes) -> tuple[Report, int]:
    """The report and the advertiser that its callback belongs to."""
    report = _decode(_report_decoder, body)
    context = report.context
    required = {
        "event_type": report.event_type,
        "context.ad.callback": context.ad.callback,
        "context.device": context.is_page or context.device.device_id,
        "timestamp": report.timestamp,
    }
    for name, value in required.items():
        if not value:
            raise RefusalError(INCOMPLETE, f"缺少参数: {name}")
    if not context.is_page and context.device.platform not in (*PLATFORMS, "harmony"):
        raise RefusalError(INVALID, "参数错误: context.device.platform")
    if report.timestamp < MIN_TIMESTAMP_MS:
        raise RefusalError(INVALID, "参数错误: timestamp 应为毫秒")
    callback = context.ad.callback
    advertiser_id = ads.advertiser_of_page(callback) if context.is_page else ads.advertiser_of(callback)
    if advertiser_id is None:
        raise RefusalError(UNKNOWN_CALLBACK, "callback 无效")
    return report, advertiser_id


def _decode(decoder: msgspec.json.Decoder[Parsed], body: bytes) -> Parsed:
    try:
        # As text, so that bytes which are not UTF-8 are refused in every field: the ledger repeats the body.
        return decoder.decode(body.decode())
    except msgspec.ValidationError as err:
        raise RefusalError(INVALID, f"参数错误: {err}") from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise RefusalError(UNPARSABLE, "无效的请求,请求数据解析失败") from err


def _attribution_of(query: Query, ad: ads.Ad | None, rule: DeviceRule | None) -> dict[str, Any]:
    now_s = int(time.time())
    device = {"adv_android_id" if query.platform == "android" else "adv_idfv": query.device_id, "active_time": now_s}
    if ad is None:
        return {**ORGANIC, **device}
    callback = ads.callback_param(ad.advertiser_id, query.device_id, rule.clicks if rule else 1)
    told_s_ago = rule.touched_s_ago if rule else None
    touched_s_ago = ads.seconds_since_touch(query.device_id) if told_s_ago is None else told_s_ago
    request_id = ads.request_id(query.device_id)
    return {
        **ORGANIC,
        **device,
        **ads.fields_of(ad),
        "last_touch_time": now_s - touched_s_ago,
        "req_id": request_id,
        "track_id": request_id,
        "callback_param": callback,
        "callback_url": "https://ad.oceanengine.com/track/activate/?" + urlencode({"callback": callback}),
        "csite": 10001 if ad.project_id else 33013,
        "convert_source": "bytedance",
    }
