"""What the fake providers received: every conversion, look-up, chat and refused request.

Kept in memory and bounded. `received_at` is in seconds since 1970. The entries are exempt from garbage collection
(`gc=False`): they hold no cycles, and walking a million of them would stop the benchmarks for seconds.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from sandbox.vendors.exchange import Exchange

MAX_ENTRIES = 1_000_000  # of each sort; the oldest are dropped first
RECORDED_HEADERS = {
    b"app-access-token": "App-Access-Token",
    b"x-signature": "x-signature",
    b"x-rs256-token": "x-rs256-token",
    b"x-request-id": "X-Request-Id",
}

ConversionKey = tuple[str, str, str | int]


class Conversion(Struct, gc=False):
    """One conversion, however often it was sent. `body` is that of the first time."""

    received_at: float
    event_type: str
    outer_event_id: str
    advertiser_id: int
    device_id: str
    headers: dict[str, str]
    body: Raw
    sends: int = 1
    identical_bodies: bool = True


class Lookup(Struct, gc=False):
    received_at: float
    device_id: str
    attributed: bool
    headers: dict[str, str]
    body: Raw


class Chat(Struct):
    """One chat request. `completed`: the answer went out to its last byte; `ended_at`: None while it runs."""

    received_at: float
    path: str
    model: str
    stream: bool
    headers: dict[str, str]
    body: Raw
    fault: str | None = None
    chunks_sent: int = 0
    completed: bool = False
    disconnected: bool = False
    ended_at: float | None = None


class Refused(Struct, gc=False):
    """A request that was not processed: `reason` is the code of the answer or, on Ocean Engine, a fault's kind."""

    received_at: float
    on: str
    reason: str | int
    headers: dict[str, str]
    body: str


class Ledger:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.conversions: OrderedDict[ConversionKey, Conversion] = OrderedDict()
        self.lookups: deque[Lookup] = deque(maxlen=MAX_ENTRIES)
        self.chats: deque[Chat] = deque(maxlen=MAX_ENTRIES)
        self.refused: deque[Refused] = deque(maxlen=MAX_ENTRIES)
        self.duplicates = 0

    def record_conversion(self, key: ConversionKey, conversion: Conversion) -> None:
        known = self.conversions.get(key)
        if known is not None:
            known.sends += 1
            known.identical_bodies &= known.body == conversion.body
            self.duplicates += 1
            return
        self.conversions[key] = conversion
        if len(self.conversions) > MAX_ENTRIES:
            self.conversions.popitem(last=False)

    def record_refusal(self, on: str, reason: str | int, exchange: Exchange, body: bytes) -> None:
        text = body.decode(errors="replace")
        self.refused.append(Refused(time.time(), on, reason, recorded_headers(exchange), text))

    def as_json(self, *, event_type: str | None, outer_event_id: str | None, limit: int | None) -> bytes:
        """The newest `limit` entries of each sort (None: all), the conversions filtered, and the totals of all."""
        conversions = [
            conversion
            for conversion in self.conversions.values()
            if event_type in (None, conversion.event_type) and outer_event_id in (None, conversion.outer_event_id)
        ]
        entries: Mapping[str, Iterable[Struct]] = {
            "conversions": conversions,
            "lookups": self.lookups,
            "chats": self.chats,
            "refused": self.refused,
        }
        totals = {
            "conversions": len(self.conversions),
            "lookups": len(self.lookups),
            "chats": len(self.chats),
            "refused": len(self.refused),
        }
        newest = {name: _newest(sort, limit) for name, sort in entries.items()}
        return msgspec.json.encode({**newest, "duplicates": self.duplicates, "totals": totals})


def recorded_headers(exchange: Exchange) -> dict[str, str]:
    return {
        RECORDED_HEADERS[name]: value.decode("latin-1") for name, value in exchange.headers if name in RECORDED_HEADERS
    }


def _newest(entries: Iterable[Struct], limit: int | None) -> list[Struct]:
    kept = list(entries)
    return kept if limit is None else kept[max(0, len(kept) - limit) :]
