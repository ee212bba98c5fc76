"""What the statistics say: sums, rates and cohorts of a span of days. Reads roll-ups only, never clicks or conversions.

Two views, side by side in `overview` and `breakdown`. *By event day* (`Metrics`): what happened in the span.
*By activation day* (`Cohort`): what became of the users who were activated in it, whenever they paid or came back.

A rate is always a quotient of sums, never a mean of rates; None where nothing is there to divide by.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import msgspec
from django.db import connection
from django.db.models import Aggregate, Model, Q, QuerySet, Sum

from attribution.models import App, Destination
from attribution.models.roll_ups import AdName, ClickDay, CohortDay, EventDay, PayerDay, StateDay, UserDay

# What may be asked for at once.
MAX_DAYS = 366
# Long before any statistics, and far enough from the first day that Python knows.
EARLIEST = date(2000, 1, 1)

# Up to which day after their activation the value of users is looked at; `COHORT_AGES[0]` is the day itself.
COHORT_AGES = (0, 1, 7)

# By what sums may be grouped, and the columns that make the group: an ad is shown with its campaign and advertiser.
DIMENSIONS = {
    "day": ["day"],
    "app": ["app_id"],
    "source": ["is_organic"],
    "advertiser": ["is_organic", "advertiser_id"],
    "campaign": ["is_organic", "advertiser_id", "campaign_id"],
    "ad": ["is_organic", "advertiser_id", "campaign_id", "ad_id"],
    "channel": ["channel"],
}

Columns: TypeAlias = tuple[str, ...]
Key: TypeAlias = tuple[Any, ...]
# By their names.
Sums: TypeAlias = dict[str, int]
_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which part of the statistics: from `since` to `until`, both included. None means: all of them."""

    since: date
    until: date
    app_ids: Collection[int] | None = None
    is_organic: bool | None = None
    advertiser_id: int | None = None
    campaign_id: int | None = None
    ad_id: int | None = None
    channel: str | None = None

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]

    def previous(self) -> "Scope":
        """The equally long span right before."""
        length = timedelta(days=len(self.days))
        return replace(self, since=self.since - length, until=self.until - length)


# Structs, which are made in half the time of a dataclass: a month by day and ad has 36,000 of them.
class Metrics(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What happened. `paying_users` counts each user once, however many days the span has."""

    clicks: int = 0
    activations: int = 0
    attributed_activations: int = 0
    registrations: int = 0
    payments: int = 0
    paying_users: int = 0
    amount_fen: int = 0
    next_day_opens: int = 0
    key_behaviours: int = 0

    @property
    def organic_activations(self) -> int:
        return self.activations - self.attributed_activations

    @property
    def activation_rate(self) -> float | None:
        """Of clicks. Organic users clicked on nothing, so they are left out."""
        return quotient(self.attributed_activations, self.clicks)

    @property
    def registration_rate(self) -> float | None:
        return quotient(self.registrations, self.activations)

    @property
    def payment_rate(self) -> float | None:
        return quotient(self.paying_users, self.activations)

    @property
    def key_behaviour_rate(self) -> float | None:
        return quotient(self.key_behaviours, self.activations)

    @property
    def amount_per_paying_user_fen(self) -> float | None:
        return quotient(self.amount_fen, self.paying_users)


class Cohort(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of the users activated in the span.

    Day 0 is that of the activation, and `amount_day_7_fen` all that was paid up to the end of day 7. Days 1 and 7 are
    those of users who have them behind them only (`activated_day_7`): with the others the value would always sink
    towards today.
    """

    activated_day_0: int = 0
    activated_day_1: int = 0
    activated_day_7: int = 0
    amount_day_0_fen: int = 0
    amount_day_1_fen: int = 0
    amount_day_7_fen: int = 0
    returned_day_1: int = 0

    @property
    def value_day_0_fen(self) -> float | None:
        return quotient(self.amount_day_0_fen, self.activated_day_0)

    @property
    def value_day_1_fen(self) -> float | None:
        return quotient(self.amount_day_1_fen, self.activated_day_1)

    @property
    def value_day_7_fen(self) -> float | None:
        return quotient(self.amount_day_7_fen, self.activated_day_7)

    @property
    def retention_day_1(self) -> float | None:
        return quotient(self.returned_day_1, self.activated_day_1)


class Group(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Of what the sums are; None: not asked for. An id is 0 where the platform gave none, and where it is organic."""

    day: date | None = None
    app_id: int | None = None
    app: str = ""
    is_organic: bool | None = None
    advertiser_id: int | None = None
    advertiser_name: str = ""
    campaign_id: int | None = None
    campaign_name: str = ""
    ad_id: int | None = None
    ad_name: str = ""
    channel: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """By the group's days: what happened on them, and what became of the users activated on them."""

    group: Group
    metrics: Metrics
    cohort: Cohort = Cohort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the funnel: how many got there, and which part of the step before."""

    name: str
    count: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A span as a whole, its days (also those on which nothing happened), and its funnel.

    The funnel, from the click to the payment, is that of attributed users: the others did not click.
    """

    metrics: Metrics
    cohort: Cohort
    days: Sequence[tuple[date, Metrics]]
    funnel: Sequence[Step]


_Sums = TypeVar("_Sums", Metrics, Cohort)
_NAMES = {kind: kind.__struct_fields__ for kind in (Metrics, Cohort)}


def overview(scope: Scope, *, today: date) -> Overview:
    """The span as a whole, its days and its funnel, from one reading of the sums."""
    found = _found(scope, _columns(["day", "source"]), today)
    metrics = {key: _of(Metrics, sums) for key, sums in found.items()}
    days = [(day, _sum(Metrics, [metrics[key] for key in metrics if key[0] == day])) for day in scope.days]
    sources = [_sum(Metrics, [metrics[key] for key in metrics if key[1] is is_organic]) for is_organic in (False, True)]
    if scope.since != scope.until:
        counts = dict(_paying_users(scope, ("is_organic",)))
        sources = [
            msgspec.structs.replace(of_source, paying_users=counts.get((is_organic,), 0))
            for of_source, is_organic in zip(sources, (False, True), strict=True)
        ]
    return Overview(
        metrics=_sum(Metrics, sources),
        cohort=_sum(Cohort, [_of(Cohort, sums) for sums in found.values()]),
        days=days,
        funnel=_funnel(sources[0]),
    )


def top_ads(scope: Scope, *, by: str = "activations", limit: int = 10) -> list[Row]:
    """The ads with the most of something, the best first. `by`: a metric that can be summed."""
    scope = replace(scope, is_organic=False)
    columns = _columns(["ad"])
    found = _what_happened(scope, columns)
    best = sorted(found, key=lambda key: found[key].get(by, 0), reverse=True)[:limit]
    found = {key: found[key] for key in best}
    if scope.since != scope.until:
        for key, paying_users in _paying_users(scope, columns):
            if key in found:
                found[key]["paying_users"] = paying_users
    groups = _groups(found, columns)
    return [Row(group=groups[key], metrics=_of(Metrics, found[key])) for key in best]


def total(scope: Scope, rows: Sequence[Row]) -> tuple[Metrics, Cohort]:
    """Of all rows of a breakdown of the scope. Users who paid are counted anew: one may be in several rows."""
    metrics = _sum(Metrics, [row.metrics for row in rows])
    if scope.since != scope.until:
        [(_key, paying_users)] = _paying_users(scope, ())
        metrics = msgspec.structs.replace(metrics, paying_users=paying_users)
    return metrics, _sum(Cohort, [row.cohort for row in rows])


def breakdown(scope: Scope, group_by: Sequence[str], *, today: date) -> list[Row]:
    """One row per group that has any sum, in the order of the groups. `group_by`: of `DIMENSIONS`."""
    columns = _columns(group_by)
    found = _found(scope, columns, today)
    if "day" not in group_by and scope.since != scope.until:
        _collect(found, ((key, {"paying_users": count}) for key, count in _paying_users(scope, columns)))
    return [
        Row(group=group, metrics=_of(Metrics, found[key]), cohort=_of(Cohort, found[key]))
        for key, group in _groups(found, columns).items()
    ]


def states(scope: Scope) -> dict[str, dict[str, int]]:
    """How many events of each kind are in which state. The scope's ads and channel are not looked at."""
    rows = StateDay.objects.filter(_days(scope)).values_list("event", "state").annotate(Sum("conversions"))
    found: dict[str, dict[str, int]] = {}
    for event, state, conversions in rows:
        found.setdefault(event, {})[state] = conversions
    return found


def ad_of(scope: Scope) -> Group:
    """The advertiser, campaign and ad that the scope is of, with their names; 0 where it names none."""
    columns = _columns(["ad"])
    key = (False, scope.advertiser_id or 0, scope.campaign_id or 0, scope.ad_id or 0)
    return _groups([key], columns)[key]


def _funnel(metrics: Metrics) -> list[Step]:
    steps: list[Step] = []
    for name in ("clicks", "activations", "registrations", "paying_users"):
        count = getattr(metrics, name)
        steps.append(Step(name=name, count=count, rate=quotient(count, steps[-1].count) if steps else None))
    return steps


def _found(scope: Scope, columns: Columns, today: date) -> dict[Key, Sums]:
    """All sums by group, under the names of `Metrics` and `Cohort`."""
    found = _what_happened(scope, columns, activated=_activated(today))
    _collect(found, _what_became_of_them(scope, columns, today))
    return found


def _what_happened(scope: Scope, columns: Columns, *, activated: Mapping[str, Sum] | None = None) -> dict[Key, Sums]:
    """`paying_users` only where a group has a single day."""
    names = ["activations", "registrations", "payments", "amount_fen", "next_day_opens", "key_behaviours"]
    if "day" in columns or scope.since == scope.until:
        names.append("paying_users")
    sums = {name: Sum(name) for name in names} | dict(activated or {})
    sums["attributed_activations"] = Sum("activations", filter=Q(is_organic=False))
    found: dict[Key, Sums] = {}
    _collect(found, _sums(EventDay.objects.filter(_days(scope), _ads(scope), _channel(scope)), columns, **sums))
    _collect(found, _click_sums(scope, columns))
    return found


def _click_sums(scope: Scope, columns: Columns) -> Iterator[tuple[Key, Sums]]:
    """A click has no channel: of a scope that is one channel's there are none, and among channels they are under ""."""
    if scope.channel is not None:
        return
    known = tuple(column for column in columns if column != "channel")
    for key, sums in _sums(ClickDay.objects.filter(_days(scope), _ads(scope)), known, clicks=Sum("clicks")):
        of = dict(zip(known, key, strict=True))
        yield (key if known == columns else tuple(of.get(column, "") for column in columns)), sums


def _paying_users(scope: Scope, columns: Columns) -> list[tuple[Key, int]]:
    """Different users, by group: a sum, but for channels, of which a user may have another one each day."""
    if scope.channel is None and "channel" not in columns:
        payers = PayerDay.objects.filter(_days(scope), _ads(scope), paid_before__lt=scope.since)
        return [(key, sums["users"]) for key, sums in _sums(payers, columns, users=Sum("users"))]
    return _different_users(scope, columns)


def _different_users(scope: Scope, columns: Columns) -> list[tuple[Key, int]]:
    """Not by COUNT(DISTINCT …): PostgreSQL sorts all rows for that, which takes three times as long as hashing them
    (350 ms and 120 ms for 440,000 rows).
    """
    payments = UserDay.objects.filter(_days(scope), _ads(scope), _channel(scope), payments__gt=0)
    once, parameters = payments.values(*columns, "user_key").distinct().query.sql_with_params()
    names = "".join(f"{column}, " for column in columns)
    groups = f"GROUP BY {', '.join(columns)}" if columns else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} count(*) FROM ({once}) AS payer {groups}", parameters)  # noqa: S608  # columns of ours
        return [(row[:-1], row[-1]) for row in cursor.fetchall()]


def _activated(today: date) -> dict[str, Sum]:
    """How many were activated, of `EventDay`: the whole that the sums of `_what_became_of_them` are parts of."""
    return {f"activated_day_{age}": Sum("activations", filter=_is_past(age, today)) for age in COHORT_AGES}


def _what_became_of_them(scope: Scope, columns: Columns, today: date) -> Iterator[tuple[Key, Sums]]:
    rows = CohortDay.objects.filter(_days(scope), _ads(scope), _channel(scope))
    amounts = {
        f"amount_day_{age}_fen": Sum(f"amount_day_{age}_fen", filter=_is_past(age, today)) for age in COHORT_AGES
    }
    return _sums(rows, columns, **amounts, returned_day_1=Sum("next_day_opens", filter=_is_past(1, today)))


def _is_past(age: int, today: date) -> Q | None:
    """Whether the users activated on a day have that day of theirs behind them; day 0 counts while it lasts."""
    return Q(day__lt=today - timedelta(days=age)) if age else None


def _of(kind: type[_Sums], sums: Sums) -> _Sums:
    return kind(**{name: sums[name] for name in _NAMES[kind] if name in sums})


def _sum(kind: type[_Sums], parts: Sequence[_Sums]) -> _Sums:
    return kind(**{name: sum(map(attrgetter(name), parts)) for name in _NAMES[kind]})


def _sums(rows: QuerySet[_Model], columns: Columns, **sums: Aggregate) -> Iterator[tuple[Key, Sums]]:
    """By group. Under other names in the query: Django won't give a sum the name of its column."""
    named = {f"sum_of_{name}": aggregate for name, aggregate in sums.items()}
    found = rows.values_list(*columns).annotate(**named) if columns else [tuple(rows.aggregate(**named).values())]
    width = len(columns)
    for row in found:
        yield row[:width], {name: value or 0 for name, value in zip(sums, row[width:], strict=True)}


def _columns(group_by: Sequence[str]) -> Columns:
    """Each column once, in a fixed order."""
    wanted = {column for dimension in group_by for column in DIMENSIONS[dimension]}
    return tuple(dict.fromkeys(column for each in DIMENSIONS.values() for column in each if column in wanted))


def _days(scope: Scope) -> Q:
    days = Q(day__gte=scope.since, day__lte=scope.until)
    return days if scope.app_ids is None else days & Q(app_id__in=scope.app_ids)


def _ads(scope: Scope) -> Q:
    names = ("is_organic", "advertiser_id", "campaign_id", "ad_id")
    wanted = Q(**{name: value for name in names if (value := getattr(scope, name)) is not None})
    return wanted if scope.app_ids is None else wanted & Q(app_id__in=scope.app_ids)


def _channel(scope: Scope) -> Q:
    return Q() if scope.channel is None else Q(channel=scope.channel)


def _collect(found: dict[Key, Sums], rows: Iterable[tuple[Key, Sums]]) -> None:
    """Join the sums of several tables by their group."""
    for key, sums in rows:
        found.setdefault(key, {}).update(sums)


def _groups(found: Iterable[Key], columns: Columns) -> dict[Key, Group]:
    """The groups in order, with the names of what they are."""
    groups = {key: dict(zip(columns, key, strict=True)) for key in sorted(found)}
    apps: dict[Any, str] = dict(App.objects.values_list("id", "slug")) if "app_id" in columns else {}
    advertisers = _advertiser_names() if "advertiser_id" in columns else {}
    campaigns = _names(AdName.Level.CAMPAIGN, groups.values(), "campaign_id")
    ads = _names(AdName.Level.AD, groups.values(), "ad_id")
    return {
        key: Group(
            **group,
            app=apps.get(group.get("app_id"), ""),
            advertiser_name=advertisers.get(str(group.get("advertiser_id")), ""),
            campaign_name=campaigns.get(group.get("campaign_id"), ""),
            ad_name=ads.get(group.get("ad_id"), ""),
        )
        for key, group in groups.items()
    }


def _names(level: str, groups: Collection[Mapping[str, Any]], column: str) -> dict[Any, str]:
    ids = {group[column] for group in groups if group.get(column)}
    if not ids:
        return {}
    return dict(AdName.objects.filter(level=level, platform_id__in=ids).values_list("platform_id", "name"))


def _advertiser_names() -> dict[str, str]:
    """An advertiser's name is what people called its destination."""
    return dict(Destination.objects.exclude(name="").values_list("key", "name"))


def quotient(part: float, whole: float) -> float | None:
    return part / whole if whole else None
