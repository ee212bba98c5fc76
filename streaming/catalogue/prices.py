"""What a completion costs: the exact usage counted by its provider, times the prices of its route.

A route has rules. Of those with the newest `valid_from` that has begun, the first that fits the tokens counts; bounds
are inclusive, and a missing bound is none. Providers price by the length of the prompt, some also by the answer's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

_PER_TOKENS = 1_000_000
_MICRO_YUAN = Decimal("0.000001")
_MAX_CNY = Decimal("99999999.999999")  # the largest value that Completion.cost_cny holds
_MAX_PRICE = Decimal(1_000_000)
_REQUIRED, _BOUNDS = ("prompt", "completion"), ("max_prompt_tokens", "max_completion_tokens")
RULE_MEMBERS = ("valid_from", *_BOUNDS, "prompt", "cached", "completion")


class WrongPrices(ValueError):  # noqa: N818  # named by what happened
    """What is wrong with which rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Prices in yuan per million tokens."""

    prompt: Decimal
    cached: Decimal
    completion: Decimal

    @classmethod
    def of(cls, *, prompt: Decimal | None, cached: Decimal | None, completion: Decimal | None) -> "Price | None":
        """None unless both prompt and completion have a price. Cached tokens without a price cost as much as others."""
        if prompt is None or completion is None:
            return None
        return cls(prompt=prompt, cached=prompt if cached is None else cached, completion=completion)

    def cost_cny(self, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> Decimal:
        """Rounded to a millionth of a yuan. Prompt tokens include the cached ones, completion tokens the reasoning."""
        cached_tokens = min(cached_tokens, prompt_tokens)
        cost = (
            (prompt_tokens - cached_tokens) * self.prompt
            + cached_tokens * self.cached
            + completion_tokens * self.completion
        )
        return min((cost / _PER_TOKENS).quantize(_MICRO_YUAN), _MAX_CNY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A price, from which day on, and for how many tokens at most."""

    price: Price
    valid_from: date = date.min
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None

    def fits(self, prompt_tokens: int, completion_tokens: int) -> bool:
        return (self.max_prompt_tokens is None or prompt_tokens <= self.max_prompt_tokens) and (
            self.max_completion_tokens is None or completion_tokens <= self.max_completion_tokens
        )


@dataclass(frozen=True, slots=True)
class Prices:
    rules: Sequence[Rule] = ()

    @classmethod
    def flat(cls, price: Price | None) -> "Prices":
        return cls([Rule(price=price)] if price else ())

    def cost_cny(self, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int, day: date) -> Decimal | None:
        """None: no rule fits."""
        newest = max((rule.valid_from for rule in self.rules if rule.valid_from <= day), default=None)
        for rule in self.rules:
            if rule.valid_from == newest and rule.fits(prompt_tokens, completion_tokens):
                return rule.price.cost_cny(
                    prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, completion_tokens=completion_tokens
                )
        return None


def read(rules: Any) -> Prices:
    """The rules as people write them, each a table of `RULE_MEMBERS`.

    Raises: `WrongPrices`.
    """
    if not isinstance(rules, list):
        raise WrongPrices("a list of rules is expected")
    return Prices([_rule(f"rule {number}", rule) for number, rule in enumerate(rules, start=1)])


def plain(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as JSON keeps them: days as texts, and prices as they were written."""
    return [
        {name: str(value) if isinstance(value, date | float | Decimal) else value for name, value in rule.items()}
        for rule in rules
    ]


def _rule(where: str, rule: Any) -> Rule:
    if not isinstance(rule, Mapping):
        raise WrongPrices(f"{where}: {rule!r} is not a table")
    if unknown := sorted(set(rule) - set(RULE_MEMBERS)):
        raise WrongPrices(f"{where}: unknown {', '.join(unknown)} (known: {', '.join(RULE_MEMBERS)})")
    if missing := [name for name in _REQUIRED if rule.get(name) is None]:
        raise WrongPrices(f"{where}: {' and '.join(missing)} missing")
    prompt, completion = (_yuan(where, name, rule[name]) for name in _REQUIRED)
    cached = prompt if rule.get("cached") is None else _yuan(where, "cached", rule["cached"])
    bounds = {name: _tokens(where, name, rule[name]) for name in _BOUNDS if rule.get(name) is not None}
    price = Price(prompt=prompt, cached=cached, completion=completion)
    return Rule(price=price, valid_from=_day(where, rule.get("valid_from")), **bounds)


def _yuan(where: str, name: str, value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite() or not 0 <= found <= _MAX_PRICE:
        raise WrongPrices(f"{where}: {name} must be a number in CNY per million tokens, not {value!r}")
    return found


def _tokens(where: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WrongPrices(f"{where}: {name} must be a whole number of tokens, not {value!r}")
    return value


def _day(where: str, value: Any) -> date:
    if value is None:
        return date.min
    try:
        return value if type(value) is date else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise WrongPrices(f"{where}: valid_from must be a day such as 2026-01-01, not {value!r}") from None
