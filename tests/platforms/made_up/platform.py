"""Billboard behind the door."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from attribution.platforms.http import Peer, PlatformRejected, PlatformUnavailable, Reply, Timeouts
from attribution.platforms.link_query import LinkQuery
from attribution.platforms.platform import Ad, AdLevel, ClickAnswers, MonitoredClick, Platform, UserEvent, usual_levels

KINDS = {"active": "open", "active_register": "join", "active_pay": "buy"}
NAMES = {
    "acc": "advertiser_id", "wall": "campaign_id", "wall_name": "campaign_name", "poster": "ad_id",
    "poster_name": "ad_name", "req": "request_id", "oa": "oaid", "at": "ts", "cb": "callback", "lamp": "lamp",
}  # fmt: skip


class _Answer(msgspec.Struct):
    took: bool
    why: str = ""


class Billboard(Platform):
    name = "Billboard"
    event_words = KINDS
    device_id_fields = {"android": "oaid", "ios": "idfa"}
    personal_fields = frozenset({"phone_hash"})
    deduplicates = False
    link_macros = "acc={ACC}&wall={WALL}&wall_name={WALL_NAME}&poster={POSTER}&oa={OA}&at={AT}&req={REQ}&cb={CB}"
    click_answers = ClickAnswers(stored=b'{"ok":1}', unknown_link=b'{"ok":0}', unavailable=b'{"ok":0,"again":1}')

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts(connect_s=1, read_s=1, total_s=2, settings="BILLBOARD_*_TIMEOUT_S")

    def read_click(self, query: str, *, received_at: datetime) -> MonitoredClick:
        given = LinkQuery(query, NAMES)
        ad = Ad(
            advertiser_id=given.ad_id("advertiser_id"),
            campaign_id=given.ad_id("campaign_id"),
            campaign_name=given.whole("campaign_name")[:255],
            ad_id=given.ad_id("ad_id"),
            ad_name=given.whole("ad_name")[:255],
            platform_ad=given.texts(["lamp"]),
        )
        return MonitoredClick(
            clicked_at=given.clicked_at("ts", received_at=received_at),
            request_id=given.key("request_id"),
            oaid_md5=given.md5_of("oaid"),
            callback=given.whole("callback"),
            ad=ad,
            oddities=given.oddities,
        )

    def report(self, event: UserEvent) -> str:
        """The address that came with the click, followed by the event's parameters."""
        yuan = {} if event.amount_fen is None else {"yuan": f"{event.amount_fen / 100:.2f}"}
        happened = {
            "kind": KINDS[event.event],
            "when": int(event.occurred_at.timestamp()),
            "poster": event.ad.ad_id,
            "oaid": event.device.get("oaid", ""),
            **yuan,
        }
        return f"{event.callback}{'&' if '?' in event.callback else '?'}{urlencode(happened)}"

    def send(self, report: str) -> Reply:
        origins: list[str] = settings.BILLBOARD_ORIGINS  # type: ignore[misc]  # a setting of this folder
        reply = Peer(origins=origins, timeouts=self.timeouts).get(report)
        try:
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except msgspec.DecodeError as err:
            raise PlatformUnavailable("the answer is not Billboard's", reply, is_unknown=True) from err
        if not answer.took:
            raise PlatformRejected(answer.why, reply)
        return reply

    def ad_levels(self, ad: Ad) -> list[AdLevel]:
        return usual_levels(ad, ("Wall", "Poster", "Picture"))


def answer(took: bool, **more: Any) -> bytes:
    return msgspec.json.encode({"took": took, **more})
