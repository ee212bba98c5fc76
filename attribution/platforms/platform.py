"""The door to the ad platforms: what is asked of each of them, and the values that pass. It knows no vendor.

A platform is one folder beside this module and one line of the setting `ATTRIBUTION_PLATFORMS`. A click comes in
through `read_click`; an event goes out through `report`, whose text is stored, and `send`, which sends that text,
identical on every try. Money is fen and times are aware on this side of the door; units, words and keys of the vendor
stay on the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from attribution.platforms.cost_source import CostSource
from attribution.platforms.http import Reply, Timeouts


class Ad(msgspec.Struct, frozen=True, kw_only=True):
    """Which ad, in the same form for all platforms. An id is None and a name empty where the platform gave none.

    `platform_ad`: what the vendor said in its own words, for those who look for these.
    """

    advertiser_id: int | None = None
    campaign_id: int | None = None
    campaign_name: str = ""
    ad_id: int | None = None
    ad_name: str = ""
    creative_id: int | None = None
    creative_name: str = ""
    platform_ad: dict[str, Any] = {}

    @classmethod
    def of(cls, row: Any) -> "Ad":
        """The ad of a row that has these columns."""
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdLevel:
    """One level of an ad's structure, as people know it. The names are those of the fields in our API."""

    title: Any
    id_field: str
    id: int | None
    name_field: str
    name: str


class MonitoredClick(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor link said of one click. Ids are md5 forms in lower-case hex; None: not given.

    `callback`: the vendor's opaque material without which nothing can be reported for this click; a vendor that
    reports by the device alone writes a word of its own here. `oddities`: parameters that could not be read.
    """

    clicked_at: datetime
    ad: Ad = Ad()
    request_id: str = ""
    track_id: str = ""
    os: str = ""
    device_model: str = ""
    oaid_md5: str | None = None
    android_id_md5: str | None = None
    imei_md5: str | None = None
    idfa_md5: str | None = None
    caid_md5s: list[str] = []
    ipv4_identity: str | None = None
    ipv6_identity: str | None = None
    callback: str = ""
    callback_url: str = ""
    material: dict[str, str] = {}
    oddities: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickAnswers:
    """The JSON bodies with which a monitor link answers: 200, 404 and 503."""

    stored: bytes
    unknown_link: bytes
    unavailable: bytes


class UserEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a user did, in our words: all that any vendor's report is made of. `device` has raw ids by our names."""

    event: str
    os: str
    device: Mapping[str, str]
    ad: Ad
    callback: str
    occurred_at: datetime
    outer_event_id: str
    amount_fen: int | None = None


class AdAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which ad brought a device; without a `callback` none did, as far as the platform knows."""

    ad: Ad = Ad()
    callback: str = ""
    touched_at: datetime | None = None
    activated_at: datetime | None = None

    @property
    def is_attributed(self) -> bool:
        return bool(self.callback)


class AdQuery(Protocol):
    """A platform's attribution query."""

    def question(self, *, os: str, device: Mapping[str, str], package: str, activated_at: datetime) -> str | None:
        """The request's text; None where the device has no id that the platform can be asked about."""

    def ask(self, question: str) -> tuple[AdAnswer, Reply]:
        """Raises: `PlatformError`."""


class Platform(Protocol):
    """An ad platform, made without arguments. What has a value here may be left out."""

    # As people call it.
    name: Any
    # Our events in the vendor's words. An event without one is not reported there.
    event_words: Mapping[str, Any]
    # The numbers that apps may send us instead of our words, because the vendor's own interface has them.
    event_numbers: Mapping[int, str] = {}
    os_numbers: Mapping[int, str] = {}
    # By system, the field of an event whose id neither the vendor's query nor its report can do without.
    device_id_fields: Mapping[str, str]
    # The vendor's own names for device ids, masked in what people see besides `device_ids.PERSONAL_FIELDS`.
    personal_fields: frozenset[str] = frozenset()
    # Whether it counts a report once that arrives twice. If not, none is sent again whose fate is unknown.
    deduplicates: bool
    # None: the vendor has none, its users are found by our clicks alone.
    query: AdQuery | None = None
    # None: its costs are uploaded or posted.
    cost_source: CostSource | None = None
    # The query of a monitor link: names of our choice, with the vendor's macros for values.
    link_macros: str
    click_answers: ClickAnswers

    @property
    def timeouts(self) -> Timeouts:
        """Of its query and its report."""

    def read_click(self, query: str, *, received_at: datetime) -> MonitoredClick:
        """What stands behind a monitor link's `?`. Never fails: whatever comes in gives a click."""

    def report(self, event: UserEvent) -> str:
        """The vendor's text for this event, which has a word in `event_words`. Stored encrypted, sent by `send`."""

    def send(self, report: str) -> Reply:
        """Send what `report` wrote; returns only if the vendor took it. Raises: `PlatformError`."""

    def ad_levels(self, ad: Ad) -> list[AdLevel]:
        """The ad's structure from the top, the advertiser left out."""


def usual_levels(ad: Ad, titles: tuple[Any, Any, Any]) -> list[AdLevel]:
    """Campaign, ad and creative, under the vendor's names for them."""
    campaign, found, creative = titles
    return [
        AdLevel(
            title=campaign, id_field="campaign_id", id=ad.campaign_id, name_field="campaign_name", name=ad.campaign_name
        ),
        AdLevel(title=found, id_field="aid", id=ad.ad_id, name_field="aid_name", name=ad.ad_name),
        AdLevel(title=creative, id_field="cid", id=ad.creative_id, name_field="cid_name", name=ad.creative_name),
    ]
