"""The filters of the admin's big lists, by their names in an address.

Lists, exports and bulk actions read the same address, so they export or act on exactly what was shown. An unknown name
or a bad value is refused: ignoring it would select more rows.
"""

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, Min, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from attribution.clicks.columns import ID_COLUMNS
from attribution.clicks.matching import Kind
from attribution.devices.match_types import MatchType
from attribution.events.reported import dedup_key
from attribution.models import App, Attribution, Click, Conversion, Event, Os, State
from attribution.models.roll_ups import Change, ClickDay, EventDay, StateDay
from attribution.statistics.scopes import EARLIEST
from foundation.database.columns import BIGINT_MAX
from foundation.days import midnight

# Names in an address that select no rows: the page, and the admin's mark of a bad address.
NO_FILTERS = {"p", "e"}
SINCE, UNTIL = "since", "until"
# Whether an ad brought the user.
SOURCES = ATTRIBUTED, ORGANIC = "attributed", "organic"
# In a filter by text: the rows without one.
NONE = "-"
# For an ad with more users, scanning the newest events fills a page sooner than looking up each user.
MANY_USERS = 10_000
# A platform calls our monitor link within seconds. A click that arrives later than this after the end of its day is
# missing from that day's list. With the bound, a day is found by the index on arrival; without it, the clicks of all
# later days would be read.
CLICK_LATENESS = timedelta(hours=1)

Condition = Callable[[str], Q]
# Like `QueryDict.lists()`: a name may occur more than once.
Parameters = Mapping[str, Sequence[str]]


class FilterError(ValueError):
    """The filter does not exist, or cannot have this value."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name, value)
        self.name, self.value = name, value

    def __str__(self) -> str:
        return _("Filter “%(name)s” cannot be “%(value)s”.") % {"name": self.name, "value": self.value[:100]}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """`arrived`: when a row arrived, which orders the list. `happened`: the time whose day people filter by.

    `lateness`: how long after its day a row may arrive; rows are then found by their arrival. None: `happened` has an
    index.
    """

    model: type[Model]
    arrived: str
    happened: str
    lateness: timedelta | None = None
    conditions: Mapping[str, Condition]
    # The rows that lists show, unless the address has one of the names.
    usual: Q = field(default_factory=Q)
    all_shown_by: frozenset[str] = frozenset()
    # Alternatives that select the same rows, finding the newest ones sooner but all of them later.
    page_conditions: Mapping[str, Condition] = field(default_factory=dict)

    def condition(self, name: str, value: str, *, is_for_page: bool = False) -> Q:
        """Raises: `FilterError`."""
        if "\x00" in value:  # PostgreSQL cannot store such text
            raise FilterError(name, value.replace("\x00", "␀"))
        if name in (SINCE, UNTIL):
            return self._day(name, value)
        if name not in self.conditions:
            raise FilterError(name, value)
        conditions = {**self.conditions, **self.page_conditions} if is_for_page else self.conditions
        try:
            return conditions[name](value)
        except ValueError as err:
            raise FilterError(name, value) from err

    def apply(self, parameters: Parameters) -> QuerySet[Any]:
        """The rows that an address asks for, unordered. Raises: `FilterError`."""
        rows = self.shown(self.model._default_manager.all(), [name for name, given in parameters.items() if any(given)])
        for name, values in parameters.items():
            if name not in NO_FILTERS:
                for value in filter(None, values):
                    rows = rows.filter(self.condition(name, value))
        return rows

    def shown(self, rows: QuerySet[Any], names: Collection[str]) -> QuerySet[Any]:
        """The rows that a list with these filters shows at all."""
        return rows.filter(self.usual) if self.all_shown_by.isdisjoint(names) else rows

    def moment(self, parameters: Mapping[str, Any]) -> str:
        """The column whose index finds the rows: if days are chosen, the one that they bound."""
        has_days = bool(parameters.get(SINCE) or parameters.get(UNTIL))
        return self.happened if has_days and self.lateness is None else self.arrived

    def _day(self, name: str, value: str) -> Q:
        if name == SINCE:
            start = _midnight(name, value)
            # Nothing comes before it happens.
            arrived = Q() if self.lateness is None else Q(**{f"{self.arrived}__gte": start})
            return arrived & Q(**{f"{self.happened}__gte": start})
        end = _midnight(name, value, days_later=1)
        arrived = Q() if self.lateness is None else Q(**{f"{self.arrived}__lt": end + self.lateness})
        return arrived & Q(**{f"{self.happened}__lt": end})


def _midnight(name: str, value: str, *, days_later: int = 0) -> datetime:
    """The beginning of a day of `TIME_ZONE`."""
    try:
        day = date.fromisoformat(value) + timedelta(days=days_later)
    except (ValueError, OverflowError) as err:
        raise FilterError(name, value) from err
    if day < EARLIEST:
        raise FilterError(name, value)
    return midnight(day)


def _text(field: str, lookup: str = "exact") -> Condition:
    return lambda value: Q(**{field: ""}) if value == NONE else Q(**{f"{field}__{lookup}": value})


def _one_of(field: str, words: Sequence[str]) -> Condition:
    def condition(value: str) -> Q:
        if value not in words:
            raise ValueError
        return Q(**{field: value})

    return condition


def _summed(
    condition: Condition, sums: type[ClickDay] | type[EventDay] | type[StateDay], field: str, happened: str
) -> Condition:
    """The condition, starting at the first day on which the statistics have such a row.

    So a value that never occurs, or only recently, is not searched for in all of the past. Rows that are not summed yet
    are noted as changes, and so are not left out.
    """

    def since(value: str) -> Q:
        wanted = condition(value)
        summed_as = "" if value == NONE else value
        first_day = sums.objects.filter(**{field: summed_as}).aggregate(Min("day"))["day__min"]
        unsummed_at = Change.objects.aggregate(Min("happened_at"))["happened_at__min"]
        known = [midnight(first_day)] if first_day else []
        known += [unsummed_at] if unsummed_at else []
        return wanted & Q(**{f"{happened}__gte": min(known)}) if known else wanted & Q(pk__in=[])

    return since


def _event(value: str) -> Q:
    """Our own words are common; any other may be rare, or nobody's."""
    if value in Event.values:
        return Q(event=value)
    return _summed(_text("event"), StateDay, "event", "occurred_at")(value)


def _number(field: str) -> Condition:
    return lambda value: Q(**{field: _id(value)})


def _id(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", value.strip()) or int(value) > BIGINT_MAX:
        raise ValueError
    return int(value)


def _ids(value: str) -> Q:
    return Q(pk__in=[uuid.UUID(each) for each in value.split(",")])


def _platform_id(field: str) -> Condition:
    """In the statistics, 0 stands for rows without such an id."""

    def condition(value: str) -> Q:
        platform_id = _id(value)
        return Q(**{field: platform_id}) if platform_id else Q(**{f"{field}__isnull": True})

    return condition


_advertiser, _campaign, _ad = _platform_id("advertiser_id"), _platform_id("campaign_id"), _platform_id("ad_id")


def _platform(value: str) -> Q:
    return Q(platform=value)


def _of_user(condition: Condition) -> Condition:
    """All events of the users who came from such an ad, as the statistics count them.

    Not by the advertiser in the event itself, which is empty until a worker has processed it.
    """
    return lambda value: Q(_attributed_users(condition(value)))


def _of_user_by_time(condition: Condition) -> Condition:
    """The same rows. If the ad has many users, PostgreSQL scans the events and looks up each one's user."""

    def of_user(value: str) -> Q:
        wanted = condition(value)
        users = Attribution.objects.filter(wanted, is_attributed=True)
        if not _are_many(users):
            return Q(_attributed_users(wanted))
        of_event = users.filter(app=OuterRef("app"), user_id=OuterRef("user_id"))
        # Not EXISTS: PostgreSQL would turn it into a join that begins with the users.
        return Q(Exact(Subquery(of_event.values("is_attributed")[:1]), Value(True)))

    return of_user


def _are_many(users: QuerySet[Attribution]) -> bool:
    """As estimated by PostgreSQL: counting a large ad would cost more than its first page."""
    [plan] = json.loads(users.values("pk").explain(format="json"))
    return bool(plan["Plan"]["Plan Rows"] > MANY_USERS)


def _source(value: str) -> Q:
    if value not in SOURCES:
        raise ValueError
    return Q(_attributed_users(Q())) if value == ATTRIBUTED else ~Q(_attributed_users(Q()))


def _attributed_users(wanted: Q) -> Exists:
    users = Attribution.objects.filter(wanted, is_attributed=True)
    return Exists(users.filter(app=OuterRef("app"), user_id=OuterRef("user_id")))


def _record(value: str) -> Q:
    """By user, order or event. Each uses an index: an order uses the key under which payments are unique."""
    value = value.strip()
    app_ids = list(App.objects.values_list("id", flat=True))
    orders = [dedup_key(app_id=app_id, user_id="", event=Event.PAY, outer_event_id=value) for app_id in app_ids]
    wanted = Q(app_id__in=app_ids, user_id=value) | Q(dedup_key__in=orders)
    try:
        return wanted | Q(pk=uuid.UUID(value))
    except ValueError:
        return wanted


def _user(value: str) -> Q:
    return Q(app_id__in=list(App.objects.values_list("id", flat=True)), user_id=value.strip())


def _click(value: str) -> Q:
    """By the ids that a click came with, or by its own id."""
    value = value.strip()
    wanted = Q(app_id__in=list(App.objects.values_list("id", flat=True)), request_id=value)
    return wanted | Q(pk=_id(value)) if re.fullmatch(r"[0-9]{1,18}", value) else wanted


def _device(value: str) -> Q:
    """By the digest of an id, `oaid-<hex>`: each kind has an index, which begins with the app."""
    kind, _dash, digest_hex = value.strip().rpartition("-")
    column, digest = ID_COLUMNS.get(Kind(kind)), bytes.fromhex(digest_hex)
    if column is None:
        raise ValueError
    if kind == Kind.CAID:
        return Q(caid_digests__overlap=[digest]) & ~Q(caid_digests=[])
    return Q(app_id__in=list(App.objects.values_list("id", flat=True)), **{column: digest})


def _yes_or_no(field: str) -> Condition:
    return lambda value: _one_of(field, ["0", "1"])(value)


CONVERSIONS = Filters(
    model=Conversion,
    arrived="received_at",
    happened="occurred_at",
    usual=Q(is_test=False),
    all_shown_by=frozenset({"test", "id", "q"}),
    conditions={
        "q": _record,
        "id": _ids,
        "state": _one_of("state", State.values),
        "event": _event,
        "os": _one_of("os", Os.values),
        "app": _number("app_id"),
        "source": _source,
        "platform": _of_user(_platform),
        "advertiser": _of_user(_advertiser),
        "campaign": _of_user(_campaign),
        "ad": _of_user(_ad),
        "channel": _summed(_text("channel"), EventDay, "channel", "occurred_at"),
        "reason": _text("reason"),
        "error": _text("detail", "startswith"),
        "test": _yes_or_no("is_test"),
    },
    page_conditions={
        "platform": _of_user_by_time(_platform),
        "advertiser": _of_user_by_time(_advertiser),
        "campaign": _of_user_by_time(_campaign),
        "ad": _of_user_by_time(_ad),
    },
)
CLICKS = Filters(
    model=Click,
    arrived="received_at",
    happened="clicked_at",
    lateness=CLICK_LATENESS,
    conditions={
        "q": _click,
        "app": _number("app_id"),
        # Nothing arrives before it happens: what arrived since the first day is all that happened since then.
        "platform": _summed(_platform, ClickDay, "platform", "received_at"),
        "advertiser": _summed(_advertiser, ClickDay, "advertiser_id", "received_at"),
        "campaign": _summed(_campaign, ClickDay, "campaign_id", "received_at"),
        "ad": _summed(_ad, ClickDay, "ad_id", "received_at"),
        "os": _one_of("os", Os.values),
        "match_type": _one_of("match_type", list(MatchType)),
        "device": _device,
    },
)
ATTRIBUTIONS = Filters(
    model=Attribution,
    arrived="asked_at",
    happened="asked_at",
    conditions={
        "q": _user,
        "app": _number("app_id"),
        "platform": _platform,
        "advertiser": _advertiser,
        "campaign": _campaign,
        "ad": _ad,
        "attributed": _yes_or_no("is_attributed"),
        "suspicious": _yes_or_no("is_suspicious"),
        "source": _one_of("source", Attribution.Source.values),
        "match_type": _one_of("match_type", list(MatchType)),
    },
)
