"""Which part of the statistics is asked for, and by what it is grouped."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, TypeAlias

# The longest span of one question.
MAX_DAYS = 366
# Long before any statistics, and far enough from the first day that Python knows.
EARLIEST = date(2000, 1, 1)

# By what sums may be grouped, and the columns that make the group: an ad is shown with its campaign,
# advertiser and platform, since two platforms may have ads of one id.
DIMENSIONS = {
    "day": ["day"],
    "app": ["app_id"],
    "source": ["is_organic"],
    "platform": ["is_organic", "platform"],
    "advertiser": ["is_organic", "platform", "advertiser_id"],
    "campaign": ["is_organic", "platform", "advertiser_id", "campaign_id"],
    "ad": ["is_organic", "platform", "advertiser_id", "campaign_id", "ad_id"],
    "channel": ["channel"],
}

# The roll-ups' columns that make a group, and the values that one group has there.
Columns: TypeAlias = tuple[str, ...]
Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which part of the statistics: from `since` to `until`, both included. None means: all of them."""

    since: date
    until: date
    app_ids: Collection[int] | None = None
    is_organic: bool | None = None
    platform: str | None = None
    advertiser_id: int | None = None
    campaign_id: int | None = None
    ad_id: int | None = None
    channel: str | None = None

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]

    @property
    def is_one_day(self) -> bool:
        return self.since == self.until

    def previous(self) -> "Scope":
        """The equally long span right before."""
        length = timedelta(days=len(self.days))
        return replace(self, since=self.since - length, until=self.until - length)


def columns_of(group_by: Sequence[str]) -> Columns:
    """The columns of these `DIMENSIONS`, each once, in a fixed order."""
    wanted = {column for dimension in group_by for column in DIMENSIONS[dimension]}
    return tuple(dict.fromkeys(column for each in DIMENSIONS.values() for column in each if column in wanted))
