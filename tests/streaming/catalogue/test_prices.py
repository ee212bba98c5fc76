"""What a completion costs."""

from decimal import Decimal

import pytest

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
