"""The door to the ad platforms: what each must implement, and the values that are passed. It knows no vendor.

A platform is one folder next to this module and one line in the setting `ATTRIBUTION_PLATFORMS`. A click comes in
through `read_click`; an event goes out through `report`, whose text is stored, and `send`, which sends that text,
identical on every try. On this side of the door money is in fen and times are aware; the vendor's units, words and keys
stay on the other side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from attribution.devices.match_types import MatchType
from attribution.platforms.cost_source import CostSource, Tokens
from attribution.platforms.http import Reply, Timeouts


class Ad(msgspec.Struct, frozen=True, kw_only=True):
    """Which ad, in the same form for all platforms. An id is None and a name empty if the platform gave none.

    `platform_ad`: the vendor's fields in its own words, for people who look for these.
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
        """The ad of a row with these columns."""
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdLevel:
    """One level of an ad's structure, as people know it, with the names of its fields in our API."""

    title: Any
    id_field: str
    id: int | None
    name_field: str
    name: str


class MonitoredClick(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor link said about one click. Ids are md5 forms in lower-case hex; None: not given.

    `track_id`: the vendor's id of the click; `request_id`: of the ad request, which may have had several ads.
    `callback`: an opaque text from the vendor, without which nothing can be reported for this click; a vendor that
    reports by device alone puts any word here. `oddities`: parameters that could not be read.
    """

    clicked_at: datetime
    match_type: MatchType = MatchType.CLICK
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

    @property
    def identity(self) -> str:
        """What only repeats of this click have in common, within app, platform and match type; empty: unknown."""
        if self.track_id or not self.request_id:
            return self.track_id
        ad = self.ad
        ids = (ad.advertiser_id, ad.campaign_id, ad.ad_id, ad.creative_id)
        return "\n".join([self.request_id, *("" if each is None else str(each) for each in ids)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickAnswers:
    """The JSON bodies of a monitor link's answers: 200, 404 and 503."""

    stored: bytes
    unknown_link: bytes
    unavailable: bytes


class UserEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a user did, in our words: the input for any vendor's report. `device` has raw ids by our names."""

    event: str
    os: str
    device: Mapping[str, str]
    ad: Ad
    callback: str
    occurred_at: datetime
    outer_event_id: str
    match_type: MatchType = MatchType.CLICK
    amount_fen: int | None = None
    # What else the app said about it, by the vendor's names.
    properties: Mapping[str, Any] = {}


class AdAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Which ad brought a device. Without a `callback`: none, as far as the platform knows."""

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
        """The request's text; None if the device has no id that the platform can be asked about."""

    def ask(self, question: str) -> tuple[AdAnswer, Reply]:
        """Raises: `PlatformError`."""


class AppTokens(Protocol):
    """Tokens that a platform issues to our own app for an id and a secret, and that expire."""

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for them."""

    def issue(self) -> Tokens:
        """Raises: `CostError`."""

    def use(self, token: str, *, problem: str = "") -> None:
        """Send this token from now on. "": none, because of the `problem`; without a problem, requests go without."""


class Platform(Protocol):
    """An ad platform, created without arguments. Attributes with a value here are optional."""

    # The display name.
    name: Any
    # Our events in the vendor's words. An event without one is not reported there.
    event_words: Mapping[str, Any]
    # For people: the titles of the events in `event_words` that are not among our own words.
    event_titles: Mapping[str, Any] = {}
    # The numbers that apps may send us instead of our words, because the vendor's own interface has them.
    event_numbers: Mapping[int, str] = {}
    os_numbers: Mapping[int, str] = {}
    # By system: the event field with the id that the vendor's query and report require.
    device_id_fields: Mapping[str, str]
    # The vendor's own names for device ids, to be masked for people in addition to `device_ids.PERSONAL_FIELDS`.
    personal_fields: frozenset[str] = frozenset()
    # Whether it counts a report only once if it arrives twice. If not, a report with an unknown outcome is not resent.
    deduplicates: bool
    # None: the vendor has no query, and its users are found by our clicks alone.
    query: AdQuery | None = None
    # None: it has none, or they do not expire.
    app_tokens: AppTokens | None = None
    # What some of its codes mean, for people.
    code_meanings: Mapping[int, Any] = {}
    # None: its costs must be uploaded or posted.
    cost_source: CostSource | None = None
    # The query of a monitor link: names of our choice, with the vendor's macros for values.
    link_macros: str
    # The queries of its links for other touches than clicks, where it has any. `read_click` tells them apart.
    view_link_macros: Mapping[MatchType, str] = {}
    click_answers: ClickAnswers

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of its query and its report."""

    def read_click(self, query: str, *, received_at: datetime) -> MonitoredClick:
        """Read the query of a monitor link (after the `?`). Never fails: any query gives a click."""

    def report(self, event: UserEvent) -> str:
        """The vendor's text for this event, which has a word in `event_words`. Stored encrypted, sent by `send`."""

    def send(self, report: str) -> Reply:
        """Send what `report` wrote; returns only if the vendor took it. Raises: `PlatformError`."""

    def ad_levels(self, ad: Ad) -> list[AdLevel]:
        """The ad's structure from the top, without the advertiser."""


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
