from decimal import Decimal

import pytest

from attribution.costs.amounts import NotAnAmountError, centifen_of, centifen_of_decimal, yuan_of


@pytest.mark.parametrize(
    ("yuan", "centifen", "written"),
    [
        ("0", 0, "0.00"),
        ("12.34", 123_400, "12.34"),
        ("12.3", 123_000, "12.30"),
        ("12.3456", 123_456, "12.3456"),
        ("0.0001", 1, "0.0001"),
        ("0.01", 100, "0.01"),
        ("007.50", 75_000, "7.50"),
        ("100000000", 10**12, "100000000.00"),
    ],
)
def test_yuan_come_in_and_go_out_exactly(yuan: str, centifen: int, written: str) -> None:
    assert (centifen_of(yuan), yuan_of(centifen)) == (centifen, written)


@pytest.mark.parametrize(
    "text", ["", ".5", "5.", "-1", "+1", "1_000", "1,000", "1e3", "inf", "１", " 1", "100000001", "0.00001"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotAnAmountError):
        centifen_of(text)


def test_what_a_platform_says_is_rounded_to_the_centifen() -> None:
    assert [centifen_of_decimal(Decimal(text)) for text in ("12.34", "0.00004", "0.00006")] == [123_400, 0, 1]
