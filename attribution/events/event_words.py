"""The events that apps may report: our own words, all words and numbers of the platforms, and the app's own names."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from rest_framework.exceptions import ValidationError

from attribution.models import App, Event, EventRule
from attribution.models.event_rules import by_name
from attribution.platforms.registry import platforms

MAX_AMOUNT_FEN = 10**12
MOST_NAMED = 3
OURS = frozenset(Event.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a reported name means. `app_event` is that name, if it is the app's own."""

    event: str
    app_event: str = ""
    rule: EventRule | None = None

    @property
    def is_once_per_user(self) -> bool:
        return self.rule is not None and self.rule.once_per == EventRule.Once.USER

    def amount_fen(self, properties: Mapping[str, Any] | None) -> int | None:
        """The amount that the rule finds in the properties. Raises: `ValidationError`."""
        name = self.rule.amount_property if self.rule else ""
        if not name or not properties or properties.get(name) is None:
            return None
        try:
            amount = Decimal(str(properties[name])) * (100 if self.rule and self.rule.amount_unit == "yuan" else 1)
        except InvalidOperation:
            amount = Decimal(-1)
        if not 0 <= amount <= MAX_AMOUNT_FEN or amount % 1:
            raise ValidationError({"properties": {name: [f"{properties[name]!r} is not an amount of money."]}})
        return int(amount)


def meaning(name: str, app: App) -> Meaning:
    """The app's rules go first, so an app may use a platform's word in its own way. Raises: `ValidationError`."""
    word = name if name in OURS else _by_number().get(name, name)
    rule = _rule(app, word)
    if word in OURS:
        return Meaning(event=word, rule=rule)
    if rule:
        return Meaning(event=rule.event, app_event="" if rule.event == word else word, rule=rule)
    if word not in titles():
        raise ValidationError({"event": [_unknown(name, app)]})
    return Meaning(event=word)


def _rule(app: App, word: str) -> EventRule | None:
    """The rule for all platforms, else any: what a platform is told is decided by its own rule."""
    of_word = (rule for (name, _platform), rule in by_name(app).items() if name == word)
    return by_name(app).get((word, "")) or next(of_word, None)


def titles() -> dict[str, Any]:
    """All words that some platform knows, ours first, with their titles."""
    found: dict[str, Any] = dict(Event.choices)
    for platform in platforms().values():
        for word in platform.event_words:
            found.setdefault(word, platform.event_titles.get(word, word))
    return found


def title(word: str) -> str:
    return str(titles().get(word, word))


def _by_number() -> dict[str, str]:
    """If two platforms use the same number, the first platform's meaning counts."""
    numbers = [platform.event_numbers for platform in reversed(list(platforms().values()))]
    return {str(number): word for each in numbers for number, word in each.items()}


def _unknown(name: str, app: App) -> str:
    known = {*titles(), *(name for name, _platform in by_name(app))}
    plain = {_plain(each): each for each in sorted(known)}
    near = difflib.get_close_matches(_plain(name), plain, n=MOST_NAMED, cutoff=0.6)
    advice = (
        f"Did you mean {' or '.join(plain[each] for each in near)}?"
        if near
        else f"Ours are: {', '.join(Event.values)}."
    )
    return f"{name!r} is not an event of any platform, and the app has no rule for it. {advice}"


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
