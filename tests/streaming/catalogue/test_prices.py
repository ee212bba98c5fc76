"""What a completion costs."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from streaming.catalogue import prices
from streaming.catalogue.prices import Price

DOUBAO = Price(prompt=Decimal("0.8"), cached=Decimal("0.16"), completion=Decimal(2))


@pytest.mark.parametrize(
    ("prompt", "cached", "completion", "cost"),
    [
        (0, 0, 0, "0.000000"),
        (1_000_000, 0, 0, "0.800000"),
        (1_000_000, 1_000_000, 0, "0.160000"),
        (1_000_000, 250_000, 500_000, "1.640000"),
        (1, 0, 0, "0.000001"),
        # more cached tokens than prompt tokens: a provider's mistake does not become a refund
        (100, 500, 0, "0.000016"),
        (2**31, 0, 2**31, "6012.954214"),
    ],
)
def test_cost_follows_the_usage(prompt: int, cached: int, completion: int, cost: str) -> None:
    assert DOUBAO.cost_cny(prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion) == Decimal(cost)


def test_cost_never_outgrows_its_column() -> None:
    dear = Price(prompt=Decimal(999_999), cached=Decimal(0), completion=Decimal(999_999))

    cost = dear.cost_cny(prompt_tokens=2**31, cached_tokens=0, completion_tokens=2**31)

    assert cost == Decimal("99999999.999999")


def test_price_needs_prompt_and_completion_and_cached_is_as_prompt() -> None:
    assert Price.of(prompt=None, cached=Decimal(1), completion=Decimal(1)) is None
    assert Price.of(prompt=Decimal(1), cached=None, completion=None) is None
    assert Price.of(prompt=Decimal(1), cached=None, completion=Decimal(3)) == Price(
        prompt=Decimal(1), cached=Decimal(1), completion=Decimal(3)
    )


# Ark's Doubao 1.8: by the length of the prompt, and of a short prompt by that of the answer. Cheaper from July on.
DOUBAO_1_8 = [
    {"max_prompt_tokens": 32_768, "max_completion_tokens": 200, "prompt": 0.8, "cached": 0.16, "completion": 2},
    {"max_prompt_tokens": 32_768, "prompt": 0.8, "cached": 0.16, "completion": 8},
    {"max_prompt_tokens": 131_072, "prompt": "1.20", "cached": 0.16, "completion": 16},
    {"valid_from": "2026-07-01", "max_prompt_tokens": 131_072, "prompt": 0.4, "completion": 1},
    {"valid_from": "2027-01-01", "prompt": 100, "completion": 100},
]


@pytest.mark.parametrize(
    ("day", "prompt", "cached", "completion", "cost"),
    [
        ("2026-06-30", 1_000, 0, 200, "0.001200"),
        ("2026-06-30", 1_000, 0, 201, "0.002408"),
        ("2026-06-30", 32_768, 0, 200, "0.026614"),
        ("2026-06-30", 32_769, 0, 200, "0.042523"),
        ("2026-06-30", 131_072, 31_072, 1_000, "0.140972"),
        ("2026-06-30", 131_073, 0, 1, None),
        ("2026-07-01", 1_000, 500, 1_000, "0.001400"),
        ("2026-12-31", 131_073, 0, 1, None),
        ("2027-01-01", 131_073, 0, 1, "13.107400"),
    ],
)
def test_newest_rule_that_has_begun_and_fits_counts(
    day: str, prompt: int, cached: int, completion: int, cost: str | None
) -> None:
    found = prices.read(DOUBAO_1_8).cost_cny(
        prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion, day=date.fromisoformat(day)
    )

    assert found == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({}, "a list of rules is expected"),
        ([1], "rule 1: 1 is not a table"),
        ([{"prompt": 1}], "rule 1: completion missing"),
        ([{"prompt": 1, "completion": 1}, {"promt": 1}], "rule 2: unknown promt (known: valid_from, "),
        ([{"prompt": "dear", "completion": 1}], "rule 1: prompt must be a number in CNY per million tokens, not 'd"),
        ([{"prompt": True, "completion": 1}], "rule 1: prompt must be a number in CNY per million tokens, not True"),
        ([{"prompt": 1, "completion": -1}], "rule 1: completion must be a number in CNY per million tokens, not -1"),
        ([{"prompt": 1, "completion": 1, "cached": float("nan")}], "rule 1: cached must be a number"),
        ([{"prompt": 1, "completion": 1, "max_prompt_tokens": 1.5}], "rule 1: max_prompt_tokens must be a whole n"),
        ([{"prompt": 1, "completion": 1, "valid_from": "July"}], "rule 1: valid_from must be a day such as 2026-01-01"),
    ],
)  # fmt: skip
def test_wrong_rule_is_named(rules: Any, why: str) -> None:
    with pytest.raises(prices.WrongPrices) as refused:
        prices.read(rules)

    assert str(refused.value).startswith(why)
