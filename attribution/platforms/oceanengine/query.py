"""Ocean Engine's attribution query (归因查询): which ad brought a device. POST, JSON, no separate authentication.

Reference: section "归因查询" of the handbook
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from attribution.devices.device_ids import is_absent
from attribution.platforms.http import Reply
from attribution.platforms.oceanengine import ads, wire
from attribution.platforms.oceanengine.words import QUERY_ID_FIELDS
from attribution.platforms.platform import AdAnswer
from foundation.database.columns import BIGINT_MAX

PATH = "/sdk/app/attribution/"

# The years 2010 to 2100, as seconds since 1970: any other number is not a time, or is in another unit.
SINCE_S, UNTIL_S = 1_262_304_000, 4_102_444_800


class Answer(wire.Verdict, frozen=True, kw_only=True):
    """Old-structure accounts fill aid and cid, upgraded ones project and promotion."""

    callback_param: str | None = ""
    advertiser_id: int | None = 0
    project_id: int | None = 0
    project_name: str | None = ""
    promotion_id: int | None = 0
    promotion_name: str | None = ""
    campaign_id: int | None = 0
    campaign_name: str | None = ""
    aid: int | None = 0
    aid_name: str | None = ""
    cid: int | None = 0
    cid_name: str | None = ""
    active_time: int | None = 0
    last_touch_time: int | None = 0


_answers = msgspec.json.Decoder(Answer, strict=False)


class OceanEngineQuery:
    def question(self, *, os: str, device: Mapping[str, str], package: str, activated_at: datetime) -> str | None:
        """Asks about a device by its raw Android id or IDFV."""
        name = QUERY_ID_FIELDS.get(os, "")
        if not device.get(name):
            return None
        return wire.encode(
            {
                "platform": os,
                name: device[name],
                "package_name": package,
                "customer_active_time": str(wire.milliseconds(activated_at)),
            }
        ).decode()

    def ask(self, question: str) -> tuple[AdAnswer, Reply]:
        """Code 0 alone does not mean that there is an ad: the answer for an organic user also has it."""
        answer, reply = wire.exchange(PATH, question.encode(), _answers)
        found = AdAnswer(
            ad=ads.ad(_id(answer.advertiser_id), _own(answer)),
            callback=_callback(answer),
            touched_at=_moment(answer.last_touch_time),
            activated_at=_moment(answer.active_time),
        )
        return found, reply


def _own(answer: Answer) -> dict[str, int | str]:
    """The answer's fields, without zeros, empty texts and numbers beyond 64 bits."""
    ids = {name: number for name in ads.ID_FIELDS if (number := _id(getattr(answer, name)))}
    return {**ids, **{name: text for name in ads.NAME_FIELDS if (text := wire.text(getattr(answer, name)))}}


def _callback(answer: Answer) -> str:
    """The callback needed to report this device's events; empty if nothing could be reported with it."""
    callback = wire.without_fragment(answer.callback_param or "")
    return "" if "\x00" in callback or is_absent(callback) else callback


def _moment(seconds: int | None) -> datetime | None:
    """The answer's times are seconds, judging by their size. An impossible one would put all events past the window."""
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds and SINCE_S <= seconds < UNTIL_S else None


def _id(value: int | None) -> int | None:
    return value if value and 0 < value <= BIGINT_MAX else None
