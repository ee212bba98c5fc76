"""What the statistics say: sums, rates and cohorts of a span of days. Reads roll-ups only, never clicks or conversions.

Two views. *By event day* (`overview`, `totals`, `breakdown`, `top_ads`): what happened in the span.
*By activation day* (`cohorts`): what became of the users who were activated in it, whenever they paid or came back.

A rate is always a quotient of sums, never a mean of rates; None where nothing is there to divide by.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, TypeAlias, TypeVar

from django.db import connection
from django.db.models import Aggregate, Count, ExpressionWrapper, F, Func, IntegerField, Model, Q, QuerySet, Sum

from attribution.models import App, Destination
from attribution.roll_ups import AdName, ClickDay, EventDay, StateDay, UserDay

# What may be asked for at once.
MAX_DAYS = 366
# Long before any statistics, and far enough from the first day that Python knows.
EARLIEST = date(2000, 1, 1)

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
# The columns of the group, and sums by their names.
Sums: TypeAlias = dict[str, Any]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
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

    def __add__(self, other: "Metrics") -> "Metrics":
        return Metrics(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
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

    def __add__(self, other: "Cohort") -> "Cohort":
        return Cohort(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    group: Group
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRow:
    group: Group
    cohort: Cohort


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
    days: Sequence[tuple[date, Metrics]]
    funnel: Sequence[Step]


def overview(scope: Scope) -> Overview:
    """The span as a whole, its days and its funnel, from one reading of the sums."""
    by_day = {day: Metrics() for day in scope.days}
    by_source = {is_organic: Metrics() for is_organic in (False, True)}
    for key, sums in _found(scope, _columns(["day", "source"])).items():
        day, is_organic = key
        by_day[day] += Metrics(**sums)
        by_source[is_organic] += Metrics(**sums)
    if scope.since != scope.until:
        for is_organic, count in _paying_users_by_source(scope).items():
            by_source[is_organic] = replace(by_source[is_organic], paying_users=count)
    return Overview(
        metrics=by_source[False] + by_source[True], days=list(by_day.items()), funnel=_funnel(by_source[False])
    )


def totals(scope: Scope) -> Metrics:
    return next((row.metrics for row in breakdown(scope, [])), Metrics())


def top_ads(scope: Scope, *, by: str = "activations", limit: int = 10) -> list[Row]:
    """The ads with the most of something, the best first. `by`: a metric that can be summed."""
    scope = replace(scope, is_organic=False)
    columns = _columns(["ad"])
    found = _found(scope, columns)
    best = sorted(found, key=lambda key: found[key].get(by, 0), reverse=True)[:limit]
    found = {key: found[key] for key in best}
    if scope.since != scope.until:
        # Of these ads only: of all of them it takes as long as half of the dashboard.
        payments = _payments(scope).filter(ad_id__in={key[columns.index("ad_id")] for key in best})
        for row in _sums(payments, columns, paying_users=Count("user_key", distinct=True)):
            key = tuple(row[column] for column in columns)
            if key in found:
                found[key]["paying_users"] = row["paying_users"]
    rows = {key: Row(group=group, metrics=Metrics(**found[key])) for key, group in _groups(found, columns)}
    return [rows[key] for key in best]


def total(scope: Scope, rows: Iterable[Row]) -> Metrics:
    """Of all rows of a breakdown of the scope. Users who paid are counted anew: one may be in several rows."""
    metrics = sum((row.metrics for row in rows), Metrics())
    if scope.since == scope.until:
        return metrics
    [sums] = _paying_users(scope, ())
    return replace(metrics, paying_users=sums["paying_users"])


def breakdown(scope: Scope, group_by: Sequence[str]) -> list[Row]:
    """By event day, one row per group that has any sum, in the order of the groups. `group_by`: of `DIMENSIONS`."""
    columns = _columns(group_by)
    found = _found(scope, columns)
    if "day" not in group_by and scope.since != scope.until:
        _collect(found, columns, _paying_users(scope, columns))
    return [Row(group=group, metrics=Metrics(**found[key])) for key, group in _groups(found, columns)]


def cohorts(scope: Scope, group_by: Sequence[str], *, today: date) -> list[CohortRow]:
    """By activation day: the scope's days and channel are those of the activation."""
    columns = _columns(group_by)
    found: dict[Key, Sums] = {}
    _collect(found, columns, _activated(scope, columns, today))
    _collect(found, columns, _what_became_of_them(scope, columns, today))
    return [CohortRow(group=group, cohort=Cohort(**found[key])) for key, group in _groups(found, columns)]


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
    [(_key, group)] = _groups([key], columns)
    return group


def _funnel(metrics: Metrics) -> list[Step]:
    steps: list[Step] = []
    for name in ("clicks", "activations", "registrations", "paying_users"):
        count = getattr(metrics, name)
        steps.append(Step(name=name, count=count, rate=quotient(count, steps[-1].count) if steps else None))
    return steps


def _found(scope: Scope, columns: Columns) -> dict[Key, Sums]:
    found: dict[Key, Sums] = {}
    _collect(found, columns, _event_sums(scope, columns))
    _collect(found, columns, _click_sums(scope, columns))
    return found


def _event_sums(scope: Scope, columns: Columns) -> list[Sums]:
    names = ["activations", "registrations", "payments", "amount_fen", "next_day_opens", "key_behaviours"]
    if "day" in columns or scope.since == scope.until:
        names.append("paying_users")
    rows = EventDay.objects.filter(_days(scope), _ads(scope), _channel(scope))
    attributed = Sum("activations", filter=Q(is_organic=False))
    return _sums(rows, columns, attributed_activations=attributed, **{name: Sum(name) for name in names})


def _click_sums(scope: Scope, columns: Columns) -> list[Sums]:
    if scope.channel is not None:
        return []
    known = tuple(column for column in columns if column != "channel")
    rows = ClickDay.objects.filter(_days(scope), _ads(scope))
    return [dict.fromkeys(columns, "") | row for row in _sums(rows, known, clicks=Sum("clicks"))]


def _payments(scope: Scope) -> QuerySet[UserDay]:
    return UserDay.objects.filter(_days(scope), _ads(scope), _channel(scope), payments__gt=0)


def _paying_users(scope: Scope, columns: Columns) -> list[Sums]:
    """Different users, by group.

    Not by COUNT(DISTINCT …) where there are groups: PostgreSQL sorts all rows for that by group and user, which takes
    three times as long as hashing them (350 ms and 120 ms for 440,000 rows).
    """
    payments = _payments(scope)
    if not columns:
        return _sums(payments, (), paying_users=Count("user_key", distinct=True))
    once, parameters = payments.order_by().values(*columns, "user_key").distinct().query.sql_with_params()
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names}, count(*) FROM ({once}) AS payer GROUP BY {names}", parameters)  # noqa: S608  # columns of ours
        return [dict(zip((*columns, "paying_users"), row, strict=True)) for row in cursor.fetchall()]


def _paying_users_by_source(scope: Scope) -> dict[bool, int]:
    """By whether they are organic."""
    found = _payments(scope).aggregate(
        attributed=Count("user_key", distinct=True, filter=Q(is_organic=False)),
        organic=Count("user_key", distinct=True, filter=Q(is_organic=True)),
    )
    return {False: found["attributed"], True: found["organic"]}


def _activated(scope: Scope, columns: Columns, today: date) -> list[Sums]:
    rows = EventDay.objects.filter(_days(scope), _ads(scope), _channel(scope), activations__gt=0)
    is_past = {n: Q(day__lt=today - timedelta(days=n)) for n in (1, 7)}
    return _sums(
        rows,
        columns,
        activated_day_0=Sum("activations"),
        activated_day_1=Sum("activations", filter=is_past[1]),
        activated_day_7=Sum("activations", filter=is_past[7]),
    )


def _what_became_of_them(scope: Scope, columns: Columns, today: date) -> list[Sums]:
    renamed = {"day": "activation_day", "channel": "activation_channel"}
    rows = UserDay.objects.filter(_ads(scope), activation_day__gte=scope.since, activation_day__lte=scope.until)
    if scope.channel is not None:
        rows = rows.filter(activation_channel=scope.channel)
    is_past = {n: Q(activation_day__lt=today - timedelta(days=n)) for n in (1, 7)}
    # Plain subtraction: what Django makes of dates is an interval, ten times as slow.
    age_days = Func(F("day"), F("activation_day"), template="(%(expressions)s)", arg_joiner=" - ")
    rows = rows.annotate(age_days=ExpressionWrapper(age_days, output_field=IntegerField()))
    is_up_to = {n: Q(age_days__lte=n) for n in (0, 1, 7)}
    found = _sums(
        rows,
        tuple(renamed.get(column, column) for column in columns),
        amount_day_0_fen=Sum("amount_fen", filter=is_up_to[0]),
        amount_day_1_fen=Sum("amount_fen", filter=is_up_to[1] & is_past[1]),
        amount_day_7_fen=Sum("amount_fen", filter=is_up_to[7] & is_past[7]),
        returned_day_1=Sum("next_day_opens", filter=is_past[1]),
    )
    return [{column: row.pop(renamed.get(column, column)) for column in columns} | row for row in found]


def _sums(rows: QuerySet[_Model], columns: Columns, **sums: Aggregate) -> list[Sums]:
    """Under other names in between: Django won't give a sum the name of its column."""
    named = {f"sum_of_{name}": aggregate for name, aggregate in sums.items()}
    found = list(rows.values(*columns).annotate(**named)) if columns else [rows.aggregate(**named)]
    return [{name.removeprefix("sum_of_"): value for name, value in row.items()} for row in found]


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


def _collect(found: dict[Key, Sums], columns: Columns, rows: Iterable[Sums]) -> None:
    """Join the sums of several tables by their group."""
    for row in rows:
        key = tuple(row.pop(column) for column in columns)
        found.setdefault(key, {}).update({name: value or 0 for name, value in row.items()})


def _groups(found: Iterable[Key], columns: Columns) -> list[tuple[Key, Group]]:
    """The groups in order, with the names of what they are."""
    groups = [dict(zip(columns, key, strict=True)) for key in sorted(found)]
    apps: dict[Any, str] = dict(App.objects.values_list("id", "slug")) if "app_id" in columns else {}
    advertisers = _advertiser_names() if "advertiser_id" in columns else {}
    campaigns = _names(AdName.Level.CAMPAIGN, groups, "campaign_id")
    ads = _names(AdName.Level.AD, groups, "ad_id")
    return [
        (
            tuple(group.values()),
            Group(
                **group,
                app=apps.get(group.get("app_id"), ""),
                advertiser_name=advertisers.get(str(group.get("advertiser_id")), ""),
                campaign_name=campaigns.get(group.get("campaign_id"), ""),
                ad_name=ads.get(group.get("ad_id"), ""),
            ),
        )
        for group in groups
    ]


def _names(level: str, groups: Sequence[Mapping[str, Any]], column: str) -> dict[Any, str]:
    ids = {group[column] for group in groups if group.get(column)}
    if not ids:
        return {}
    return dict(AdName.objects.filter(level=level, platform_id__in=ids).values_list("platform_id", "name"))


def _advertiser_names() -> dict[str, str]:
    """An advertiser's name is what people called its destination."""
    return dict(Destination.objects.exclude(name="").values_list("key", "name"))


def quotient(part: float, whole: float) -> float | None:
    return part / whole if whole else None
