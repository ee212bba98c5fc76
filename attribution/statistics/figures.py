"""The figures of the statistics, one row each: the API, its CSV and its description, the admin's table and cards, and
docs/statistics.md have exactly these.

To add one, add a row at the end: the order is that of the API's columns, which clients may read by their place. If it
needs a sum that does not exist yet, add a column to a roll-up (`models.roll_ups`, `day_sums` or `user_sums`); if that
comes from elsewhere, add a function to `sources`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from attribution.models import Event
from attribution.statistics import sources
from attribution.statistics.formulas import Formula, Number, Quotient, Sum

Text: TypeAlias = "str | Promise"


class Format(Enum):
    COUNT = "count"
    FEN = "fen"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Behind:
    """The rows that a figure counts: send records of an event, or clicks (None)."""

    event: Event | None = None
    is_organic: bool | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that every group has. `name` is that of the API's column; `meaning` is for its description and docs."""

    name: str
    formula: Formula
    meaning: str = ""
    # What people call it; empty where only programs read it.
    title: Text = ""
    format: Format = Format.COUNT
    # By the day on which the users were activated, else by the day on which something happened.
    is_cohort: bool = False
    behind: Behind | None = None
    # Places in the admin's table and among the dashboard's cards, counted in tens; None: not there.
    column: int | None = None
    card: int | None = None
    # What stands below the number on its card.
    note: Text = ""

    @property
    def description(self) -> str:
        """In English: what is divided by what, and what it means."""
        return "; ".join(filter(None, [self._quotient, self.meaning]))

    @property
    def _quotient(self) -> str:
        if not isinstance(self.formula, Quotient):
            return ""
        names = {each.formula: each.name for each in FIGURES if each.is_cohort == self.is_cohort}
        return f"`{names[self.formula.part]}` / `{names[self.formula.whole]}`"


# Up to the end of which day after their activation users are looked at; day 0 is that of the activation.
COHORT_AGES = (0, 1, 7)

_CLICKS = Sum(sources.clicks, "clicks")
_ACTIVATIONS = Sum(sources.events, "activations")
# Organic users clicked on nothing.
_FROM_ADS = Sum(sources.events, "activations", is_organic=False)
_REGISTRATIONS = Sum(sources.events, "registrations")
_PAYMENTS = Sum(sources.events, "payments")
# Each user once, however many days the span has.
_PAYING_USERS = Sum(sources.events, "paying_users", over_days=sources.payers)
_AMOUNT = Sum(sources.events, "amount_fen")
_NEXT_DAY_OPENS = Sum(sources.events, "next_day_opens")
_KEY_BEHAVIOURS = Sum(sources.events, "key_behaviours")
_ACTIVATED = {age: Sum(sources.events, "activations", age=age) for age in COHORT_AGES}
_PAID = {age: Sum(sources.cohorts, f"amount_day_{age}_fen", age=age) for age in COHORT_AGES}
_RETURNED = Sum(sources.cohorts, "next_day_opens", age=1)

FIGURES: tuple[Figure, ...] = (
    Figure(
        "clicks", _CLICKS, "clicks that the monitor link received; no impressions or plays",
        title=_("Clicks"), behind=Behind(), column=10, card=10,
    ),
    Figure(
        "activations", _ACTIVATIONS, "activations received, each once, whatever became of its report",
        title=_("Activations"), behind=Behind(Event.ACTIVE), column=20, card=20,
    ),
    Figure(
        "attributed_activations", _FROM_ADS, "activations of users who came from an ad",
        title=_("Activations from ads"), behind=Behind(Event.ACTIVE, is_organic=False),
    ),
    Figure(
        "organic_activations", _ACTIVATIONS - _FROM_ADS, "activations of all other users",
        title=_("Organic activations"), behind=Behind(Event.ACTIVE, is_organic=True), column=30,
    ),
    Figure(
        "registrations", _REGISTRATIONS, "registrations received, like activations",
        title=_("Registrations"), behind=Behind(Event.REGISTER), column=50, card=30,
    ),
    Figure(
        "payments", _PAYMENTS, "payments received, like activations",
        title=_("Payments"), behind=Behind(Event.PAY), column=90,
    ),
    Figure(
        "paying_users", _PAYING_USERS,
        "*different* users who paid: a user who paid on Monday and on Tuesday is one in Monday's row, one in "
        "Tuesday's, and one in the week",
        title=_("Paying users"), behind=Behind(Event.PAY), column=70, card=40,
    ),
    Figure(
        "amount_fen", _AMOUNT, "what was paid, in fen (分)",
        title=_("Revenue"), format=Format.FEN, behind=Behind(Event.PAY), column=100, card=50,
    ),
    Figure(
        "next_day_opens", _NEXT_DAY_OPENS, "next-day opens received, like activations",
        title=_("Next-day opens"), behind=Behind(Event.NEXT_DAY), column=120,
    ),
    Figure(
        "key_behaviours", _KEY_BEHAVIOURS, "key behaviours received, like activations",
        title=_("Key behaviours"), behind=Behind(Event.KEY_BEHAVIOUR), column=130,
    ),
    Figure(
        "activation_rate", _FROM_ADS / _CLICKS, "organic users clicked on nothing",
        title=_("Activation rate"), format=Format.RATE, column=40, card=60, note=_("activations from ads / clicks"),
    ),
    Figure(
        "registration_rate", _REGISTRATIONS / _ACTIVATIONS,
        title=_("Registration rate"), format=Format.RATE, column=60,
    ),
    Figure(
        "payment_rate", _PAYING_USERS / _ACTIVATIONS, title=_("Payment rate"), format=Format.RATE, column=80,
    ),
    Figure("key_behaviour_rate", _KEY_BEHAVIOURS / _ACTIVATIONS, format=Format.RATE),
    Figure(
        "amount_per_paying_user_fen", _AMOUNT / _PAYING_USERS,
        title=_("Per paying user"), format=Format.FEN, column=110,
    ),
    *(
        Figure(
            f"activated_day_{age}", _ACTIVATED[age],
            f"users activated on these days whose day {age} is over" if age else "users activated on these days",
            is_cohort=True,
        )
        for age in COHORT_AGES
    ),
    *(
        Figure(
            f"amount_day_{age}_fen", _PAID[age],
            f"what the users of `activated_day_{age}` paid up to the end of their day {age}, in fen",
            format=Format.FEN, is_cohort=True,
        )
        for age in COHORT_AGES
    ),
    Figure("returned_day_1", _RETURNED, "those of `activated_day_1` who have a next-day open", is_cohort=True),
    *(
        Figure(
            f"value_day_{age}_fen", _PAID[age] / _ACTIVATED[age], "on average, in fen",
            title=format_lazy(_("Value per user, day {age}"), age=age), format=Format.FEN, is_cohort=True,
            column=20 + age, card=None if age else 80, note="" if age else _("paid on the day of the activation"),
        )
        for age in COHORT_AGES
    ),
    Figure(
        "retention_day_1", _RETURNED / _ACTIVATED[1],
        title=_("Next-day retention"), format=Format.RATE, is_cohort=True, column=10, card=70,
        note=_("of the users activated in this period"),
    ),
)  # fmt: skip
BY_NAME = {figure.name: figure for figure in FIGURES}


def sums_of(figures: Iterable[Figure]) -> list[Sum]:
    """What has to be read for them, each sum once."""
    return list(dict.fromkeys(each for figure in figures for each in figure.formula.sums))


def numbers(figures: Sequence[Figure], sums: Mapping[Sum, Sequence[int]]) -> list[dict[str, Number]]:
    """The figures of each group, by their names."""
    names = [figure.name for figure in figures]
    columns = [figure.formula.of(sums) for figure in figures]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
