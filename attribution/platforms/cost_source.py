"""What is asked of a platform whose costs can be imported: its authorisation (OAuth), its accounts, its report.

Beside the door, because a platform may be had without it. It knows no vendor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Remedy(StrEnum):
    """What helps against a failure; each platform has a table from its codes to these."""

    RETRY = "retry"  # by itself, in a moment
    REFRESH = "refresh"  # the access token is not taken: refresh it once
    AUTHORISE = "authorise"  # the refresh token is not taken: a person must authorise again
    OPERATOR = "operator"  # a permission, a locked account: a person must see to it on the platform
    SKIP = "skip"  # this advertiser can't be asked about; the others can
    TOMORROW = "tomorrow"  # the day's calls of our whole app are used up
    STOP = "stop"  # the request is wrong: our fault, trying again changes nothing


class CostError(Exception):
    """A call that did not succeed, as the platform explains it. `code`: the vendor's, or None where it gave none."""

    def __init__(self, message: str, remedy: Remedy, *, code: int | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an authorisation or a refresh gives. `refresh_token` "": there is none, the next one is asked for anew."""

    access_token: str = field(repr=False)
    access_expires_in_s: float
    refresh_token: str = field(default="", repr=False)
    refresh_expires_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An advertiser whose costs an authorisation may read."""

    advertiser_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """None: not told. `conversions` is what the platform optimises for; `counted` has single events by our words."""

    cost_yuan: Decimal
    impressions: int | None = None
    clicks: int | None = None
    conversions: int | None = None
    counted: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeFigures:
    creative_id: int
    creative_name: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class AdDay:
    """One ad on one day; an id is 0 where the platform gave none."""

    day: date
    campaign_id: int
    campaign_name: str
    ad_id: int
    ad_name: str
    figures: Figures
    creatives: Sequence[CreativeFigures] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """All ads with a cost, whole. `note`: what could not be had beside them, in a line for the log of imports."""

    ad_days: Sequence[AdDay]
    note: str = ""


class CostSource(Protocol):
    """Every method may raise `CostError`, but for `authorise_url`."""

    # What must be set before anybody can connect; the names of the settings.
    needed_settings: Sequence[str]
    # The parameter of the callback that holds the code.
    code_parameter: str

    def authorise_url(self, *, state: str, redirect_uri: str) -> str:
        """Where a person grants access; from there they come to `redirect_uri`."""

    def tokens_of(self, code: str) -> Tokens:
        """The code of a callback is good for minutes, and once."""

    def refreshed(self, refresh_token: str) -> Tokens:
        """The next pair of tokens. The old refresh token is dead from here on, whether the answer arrives or not."""

    def accounts(self, access_token: str) -> list[Account]:
        """The advertisers of an authorisation, those below agencies and organisations included."""

    def costs(self, access_token: str, advertiser_id: int, *, since: date, until: date) -> CostReport:
        """Both days included; at most 30 days."""
