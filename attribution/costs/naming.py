"""Stores the names of campaigns and ads from the platforms' reports: an ad can have costs before its first click."""

from collections.abc import Iterator, Sequence
from datetime import date

from attribution.models.roll_ups import AdName
from attribution.platforms.cost_source import AdDay

_Key = tuple[str, int]


def note_names(platform: str, day: date, ad_days: Sequence[AdDay]) -> None:
    """The name seen last counts: a report for an old day does not bring back an old name."""
    given = {key: name for each in ad_days for key, name in _named(each)}
    known = AdName.objects.filter(platform=platform, platform_id__in=[platform_id for _level, platform_id in given])
    newer = {(row.level, row.platform_id) for row in known if row.seen_day > day or row.name == given.get(_key(row))}
    rows = [
        AdName(platform=platform, level=level, platform_id=platform_id, name=name, seen_day=day)
        for (level, platform_id), name in sorted(given.items())
        if (level, platform_id) not in newer
    ]
    AdName.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["platform", "level", "platform_id"],
        update_fields=["name", "seen_day"],
    )


def _key(row: AdName) -> _Key:
    return row.level, row.platform_id


def _named(each: AdDay) -> Iterator[tuple[_Key, str]]:
    if each.campaign_id and each.campaign_name:
        yield (AdName.Level.CAMPAIGN.value, each.campaign_id), each.campaign_name
    if each.ad_id and each.ad_name:
        yield (AdName.Level.AD.value, each.ad_id), each.ad_name
