"""Makes things happen to an app through the real code, and counts naively what the statistics must then say."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import count, pairwise
from typing import Any

from django.utils import timezone

from attribution.clicks import storage
from attribution.clicks.storage import NewClick
from attribution.events import intake
from attribution.events.reported import ReportedEvent
from attribution.models import App, Attribution, Click, Conversion, State
from attribution.models.roll_ups import NEVER, ClickDay, CohortDay, EventDay, PayerDay, StateDay, UserDay
from attribution.platforms import platform as door
from foundation.database import bulk

AdKey = tuple[bool, str, int, int, int]
ORGANIC: AdKey = (True, "", 0, 0, 0)

_orders = count(1)


@dataclass(frozen=True, kw_only=True)
class Ad:
    """Ids beyond 2^53."""

    platform: str = "oceanengine"
    advertiser_id: int
    campaign: int
    ad: int
    is_named: bool = True

    @property
    def said(self) -> door.Ad:
        return door.Ad(
            advertiser_id=self.advertiser_id or None,
            campaign_id=self.campaign or None,
            ad_id=self.ad or None,
            ad_name=f"ad {self.ad}" if self.is_named else "",
        )

    @property
    def key(self) -> AdKey:
        return (False, self.platform, self.advertiser_id, self.campaign, self.ad)


ADS = [
    Ad(advertiser_id=1_700_000_000_000_000_001, campaign=7_340_000_000_000_000_001, ad=7_350_000_000_000_000_001),
    Ad(advertiser_id=1_700_000_000_000_000_001, campaign=7_340_000_000_000_000_001, ad=7_350_000_000_000_000_002),
    Ad(advertiser_id=1_700_000_000_000_000_002, campaign=7_340_000_000_000_000_003, ad=3, is_named=False),
]
# Another platform's ad with the same ids.
TWIN = replace(ADS[0], platform="another")


@dataclass(frozen=True)
class World:
    """One app and what happens to it."""

    app: App

    def event(self, event: str, at: datetime, *, user: str = "u", channel: str = "", amount_fen: int = 100) -> None:
        self.take_in([self.reported(event, at, user=user, channel=channel, amount_fen=amount_fen)], at)

    def reported(
        self, event: str, at: datetime, *, user: str = "u", channel: str = "", amount_fen: int = 100
    ) -> ReportedEvent:
        is_payment = event == "active_pay"
        return ReportedEvent(
            app_id=self.app.pk,
            user_id=user,
            event=event,
            os="android",
            channel=channel,
            amount_fen=amount_fen if is_payment else None,
            outer_event_id=f"order-{next(_orders)}" if is_payment else "",
            occurred_at=at,
        )

    def take_in(self, events: list[ReportedEvent], now: datetime) -> None:
        """Take the events in as one request; for tests with thousands of them."""
        intake.receive(events, now=now)

    def click(self, at: datetime, ad: Ad = ADS[0], *, times: int = 1) -> None:
        said = door.MonitoredClick(clicked_at=at, ad=ad.said)
        storage.store([NewClick(self.app.pk, ad.platform, at, "", said)] * times)

    def attribute(self, user: str, ad: Ad | None, *, at: datetime) -> None:
        """Store the platform's answer ("no ad" included) as the delivery would."""
        row = Attribution(app=self.app, user_id=user, activated_at=at, asked_at=at, is_attributed=ad is not None)
        if ad:
            row.callback_param = "B.x"
            row.platform = ad.platform
            for name in door.Ad.__struct_fields__:
                setattr(row, name, getattr(ad.said, name))
        bulk.upsert([row], unique=["app", "user_id"], unless="is_attributed")

    def settle(self, state: State, *, at: datetime, user: str = "u") -> None:
        """Put all events of the user into this state, as the delivery would."""
        rows = list(Conversion.objects.filter(app=self.app, user_id=user))
        for row in rows:
            row.state, row.due_at = state, at
        if rows:
            bulk.update(rows, ["state", "due_at"])


def stored(app: App) -> dict[str, Any]:
    """All stored sums of the app, in the form of `counted`."""
    key = ["day", "is_organic", "platform", "advertiser_id", "campaign_id", "ad_id"]
    deeds = [
        "activations",
        "registrations",
        "payments",
        "paying_users",
        "amount_fen",
        "next_day_opens",
        "key_behaviours",
    ]
    became = ["amount_day_0_fen", "amount_day_1_fen", "amount_day_7_fen", "next_day_opens"]
    users = ["channel", "activation_day", "activation_channel", "payments", "amount_fen", "next_day_opens"]
    return {
        "clicks": {row[:-1]: row[-1] for row in ClickDay.objects.filter(app=app).values_list(*key, "clicks")},
        "events": {row[:7]: row[7:] for row in EventDay.objects.filter(app=app).values_list(*key, "channel", *deeds)},
        "users": Counter(UserDay.objects.filter(app=app).values_list(*key, *users)),
        "cohorts": {
            row[:7]: row[7:] for row in CohortDay.objects.filter(app=app).values_list(*key, "channel", *became)
        },
        "payers": {
            row[:-1]: row[-1] for row in PayerDay.objects.filter(app=app).values_list(*key, "paid_before", "users")
        },
        "states": {
            row[:-1]: row[-1]
            for row in StateDay.objects.filter(app=app).values_list("day", "event", "state", "conversions")
        },
    }


def counted(app: App) -> dict[str, Any]:
    """What the sums have to be, from looking at every row, with nothing clever."""
    events = list(Conversion.objects.filter(app=app).order_by("occurred_at", "id"))
    ads = ads_of_users(app)
    activations = {event.user_id: event for event in events if event.event == "active"}
    clicked: Counter[tuple[Any, ...]] = Counter()
    for click in Click.objects.filter(app=app):
        clicked[day_of(click.clicked_at), *key_of(click)] += 1
    deeds: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    states: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        states[day_of(event.occurred_at), event.event, event.state] += 1
        sums = deeds[day_of(event.occurred_at), *ads.get(event.user_id, ORGANIC), event.channel]
        sums[event.event] += 1
        sums["amount_fen"] += event.amount_fen or 0
    users: Counter[tuple[Any, ...]] = Counter()
    for (day, user), mine in _by_user_and_day(events).items():
        payments = [event for event in mine if event.event == "active_pay"]
        first = (payments or mine)[0]
        ad, activation = ads.get(user, ORGANIC), activations.get(user)
        if payments:
            deeds[day, *ad, first.channel]["paying_users"] += 1
        users[
            day,
            *ad,
            first.channel,
            activation and day_of(activation.occurred_at),
            activation.channel if activation else "",
            len(payments),
            sum(payment.amount_fen or 0 for payment in payments),
            len(mine) - len(payments),
        ] += 1
    order = ["active", "active_register", "active_pay", "paying_users", "amount_fen", "next_day_open", "game_addiction"]
    return {
        "clicks": dict(clicked),
        "events": {key: tuple(sums[name] for name in order) for key, sums in deeds.items()},
        "users": users,
        "cohorts": _cohorts(events, ads, activations),
        "payers": _payers(events, ads),
        "states": dict(states),
    }


def _cohorts(
    events: list[Conversion], ads: dict[str, AdKey], activations: dict[str, Conversion]
) -> dict[tuple[Any, ...], tuple[int, ...]]:
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for event in events:
        activation = activations.get(event.user_id)
        if event.event not in ("active_pay", "next_day_open") or activation is None:
            continue
        activation_day = day_of(activation.occurred_at)
        age = (day_of(event.occurred_at) - activation_day).days
        if age > 7 and event.event == "active_pay":
            continue
        sums = found[activation_day, *ads.get(event.user_id, ORGANIC), activation.channel]
        for n, last_day in enumerate((0, 1, 7)):
            sums[n] += event.amount_fen or 0 if age <= last_day else 0
        sums[3] += event.event == "next_day_open"
    return {key: tuple(sums) for key, sums in found.items()}


def _payers(events: list[Conversion], ads: dict[str, AdKey]) -> Counter[tuple[Any, ...]]:
    days: dict[str, set[date]] = defaultdict(set)
    for event in events:
        if event.event == "active_pay":
            days[event.user_id].add(day_of(event.occurred_at))
    return Counter(
        (day, *ads.get(user, ORGANIC), paid_before)
        for user, paid in days.items()
        for paid_before, day in pairwise([NEVER, *sorted(paid)])
    )


def ads_of_users(app: App) -> dict[str, AdKey]:
    return {row.user_id: key_of(row) for row in Attribution.objects.filter(app=app, is_attributed=True)}


def key_of(row: Click | Attribution) -> AdKey:
    return (False, row.platform, row.advertiser_id or 0, row.campaign_id or 0, row.ad_id or 0)


def day_of(moment: datetime) -> date:
    return timezone.localdate(moment)


def _by_user_and_day(events: list[Conversion]) -> dict[tuple[date, str], list[Conversion]]:
    """Payments and returns, in chronological order."""
    found: dict[tuple[date, str], list[Conversion]] = defaultdict(list)
    for event in events:
        if event.event in ("active_pay", "next_day_open"):
            found[day_of(event.occurred_at), event.user_id].append(event)
    return found
