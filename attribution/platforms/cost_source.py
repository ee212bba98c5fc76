"""What a platform must offer to have its costs imported: authorisation (OAuth), accounts, and a report.

Separate from the door, because a platform may exist without it. It knows no vendor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Remedy(StrEnum):
    """What to do about a failure; each platform has a table from its codes to these."""

    RETRY = "retry"  # automatically, in a moment
    REFRESH = "refresh"  # the access token is rejected: refresh it once
    AUTHORISE = "authorise"  # the refresh token is rejected: a person must authorise again
    OPERATOR = "operator"  # a permission, a locked account: a person must fix it on the platform
    SKIP = "skip"  # this advertiser can't be queried; the others can
    TOMORROW = "tomorrow"  # the day's calls of our whole app are used up
    STOP = "stop"  # the request is wrong: our fault, retrying changes nothing


class CostError(Exception):
    """A failed call, with the platform's explanation. `code`: the vendor's, or None if it gave none."""

    def __init__(self, message: str, remedy: Remedy, *, code: int | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The result of an authorisation or a refresh. `refresh_token` "": there is none, and none is needed."""

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
    """None: not reported. `conversions` is what the platform optimises for; `counted` has events by our words."""

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
    """One ad on one day; an id is 0 if the platform gave none."""

    day: date
    campaign_id: int
    campaign_name: str
    ad_id: int
    ad_name: str
    figures: Figures
    creatives: Sequence[CreativeFigures] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """All ads with a cost, complete. `note`: a line for the log of imports, if any details could not be fetched."""

    ad_days: Sequence[AdDay]
    note: str = ""


class CostSource(Protocol):
    """Every method except `authorise_url` may raise `CostError`."""

    # The names of the settings that must be set before anyone can connect.
    needed_settings: Sequence[str]
    # The parameter of the callback that holds the code.
    code_parameter: str

    def authorise_url(self, *, state: str, redirect_uri: str) -> str:
        """The page where a person grants access; from there they are sent to `redirect_uri`."""

    def tokens_of(self, code: str) -> Tokens:
        """Trade the code of a callback for tokens. A code is valid for minutes, and only once."""

    def refreshed(self, refresh_token: str) -> Tokens:
        """The next pair of tokens. From here on the old refresh token is invalid, whether the answer arrives or not."""

    def accounts(self, access_token: str) -> list[Account]:
        """The advertisers of an authorisation, including those below agencies and organisations."""

    def costs(self, access_token: str, advertiser_id: int, *, since: date, until: date) -> CostReport:
        """Both days included; at most 30 days."""
