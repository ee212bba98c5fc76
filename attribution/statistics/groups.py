"""What a group is called: the texts of its day, app, advertiser, campaign, ad and channel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias

from attribution.models import App, Destination
from attribution.models.roll_ups import AdName
from attribution.statistics.scopes import Key, Scope, columns_of

# The values of all groups, by the roll-ups' columns.
Values: TypeAlias = Mapping[str, Sequence[Any]]

# What is shown of a group, by the dimension that was asked for.
SHOWN = {
    "day": ["day"],
    "app": ["app"],
    "platform": ["source", "platform"],
    "advertiser": ["source", "platform", "advertiser_id", "advertiser_name"],
    "campaign": ["source", "platform", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name"],
    "ad": [
        "source", "platform", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "ad_id", "ad_name",
    ],
    "channel": ["channel"],
}  # fmt: skip


def shown(group_by: Sequence[str]) -> list[str]:
    """The names of the texts, each once."""
    return list(dict.fromkeys(name for dimension in group_by for name in SHOWN[dimension]))


def texts(keys: Sequence[Key], group_by: Sequence[str]) -> list[Sequence[Any]]:
    """For each name of `shown`, the texts of all groups. Ids are strings: beyond 2^53 a browser's numbers are wrong."""
    values = {column: [key[place] for key in keys] for place, column in enumerate(columns_of(group_by))}
    return [_TEXTS[name](values) for name in shown(group_by)]


def names_of_ad(scope: Scope) -> dict[str, Any]:
    """The texts of the advertiser, campaign and ad that the scope is of; names are empty where it has none.

    A scope that names no platform, as old addresses do, gets the names of any.
    """
    key = (False, scope.platform or "", scope.advertiser_id or 0, scope.campaign_id or 0, scope.ad_id or 0)
    return {name: text for name, [text] in zip(shown(["ad"]), texts([key], ["ad"]), strict=True)}


def _sources(values: Values) -> list[str]:
    return ["organic" if is_organic else "attributed" for is_organic in values["is_organic"]]


def _apps(values: Values) -> list[str]:
    slugs = dict(App.objects.values_list("id", "slug"))
    return [slugs.get(app_id, "") for app_id in values["app_id"]]


def _ids(column: str, values: Values) -> list[str | None]:
    pairs = zip(values["is_organic"], values[column], strict=True)
    return [None if is_organic else str(platform_id) for is_organic, platform_id in pairs]


def _advertisers(values: Values) -> list[str]:
    """An advertiser's name is what people called its destination."""
    rows = Destination.objects.exclude(name="").values_list("platform", "key", "name")
    names = _of_any_platform({(platform, key): name for platform, key, name in rows})
    return [names.get((platform, str(key)), "") for platform, key in _identities("advertiser_id", values)]


def _names(level: str, column: str, values: Values) -> list[str]:
    ids = {platform_id for platform_id in values[column] if platform_id}
    if not ids:
        return [""] * len(values[column])
    rows = AdName.objects.filter(level=level, platform_id__in=ids).values_list("platform", "platform_id", "name")
    names = _of_any_platform({(platform, platform_id): name for platform, platform_id, name in rows})
    return [names.get(identity, "") for identity in _identities(column, values)]


def _identities(column: str, values: Values) -> Iterable[tuple[str, Any]]:
    return zip(values["platform"], values[column], strict=True)


def _of_any_platform(names: dict[tuple[str, Any], str]) -> dict[tuple[str, Any], str]:
    """Also by the id alone, for those who know no platform."""
    return {("", platform_id): name for (_platform, platform_id), name in names.items()} | names


_TEXTS: dict[str, Callable[[Values], Sequence[Any]]] = {
    "day": itemgetter("day"),
    "app": _apps,
    "source": _sources,
    "platform": itemgetter("platform"),
    "advertiser_id": partial(_ids, "advertiser_id"),
    "advertiser_name": _advertisers,
    "campaign_id": partial(_ids, "campaign_id"),
    "campaign_name": partial(_names, AdName.Level.CAMPAIGN, "campaign_id"),
    "ad_id": partial(_ids, "ad_id"),
    "ad_name": partial(_names, AdName.Level.AD, "ad_id"),
    "channel": itemgetter("channel"),
}
