"""How a figure is made: a sum of a roll-up's column, or what is calculated from such sums.

`ATTRIBUTED / CLICKS` and `ACTIVATIONS - ATTRIBUTED` are formulas as well. A rate is always a quotient of sums, never a
mean of rates. Formulas are calculated for many groups at once, column by column: a month by day and ad has half a
million numbers. No queries here: `sources` has them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, TypeAlias

from attribution.statistics.scopes import Columns, Key, Scope

# None: unknown, or there is nothing to divide by.
Number: TypeAlias = int | float | None
# Reads some sums of one source, by group: values in the order of the sums, None where there was nothing to add.
Source: TypeAlias = "Callable[[Sequence[Sum], Scope, Columns, date], Iterable[tuple[Key, Sequence[int | None]]]]"


class Formula(ABC):
    # Whether the numbers are integers and always known.
    is_whole: ClassVar[bool] = True

    @property
    @abstractmethod
    def sums(self) -> tuple["Sum", ...]:
        """What it is calculated from."""

    @abstractmethod
    def of(self, sums: Mapping["Sum", Sequence[int]]) -> Sequence[Number]:
        """A number for each group; `sums` has a value for each group as well."""

    def __sub__(self, other: "Formula") -> "Difference":
        return Difference(self, other)

    def __truediv__(self, whole: "Formula") -> "Quotient":
        return Quotient(self, whole)


@dataclass(frozen=True, slots=True)
class Sum(Formula):
    """The sum of a column of a source.

    `is_organic` leaves out the other users. `age` leaves out the days whose users have not yet lived that many days to
    their end: so a sum of day 7 and the number of users it is divided by are about the same users.
    """

    source: Source
    column: str
    is_organic: bool | None = None
    age: int = 0
    # Of a number of different users the days cannot be added up: the source that knows those of longer spans.
    over_days: "Source | None" = None

    @property
    def sums(self) -> tuple["Sum", ...]:
        return (self,)

    def of(self, sums: Mapping["Sum", Sequence[int]]) -> Sequence[Number]:
        return sums[self]


@dataclass(frozen=True, slots=True)
class Difference(Formula):
    whole: Formula
    part: Formula

    @property
    def sums(self) -> tuple[Sum, ...]:
        return self.whole.sums + self.part.sums

    def of(self, sums: Mapping[Sum, Sequence[int]]) -> Sequence[Number]:
        pairs = zip(self.whole.of(sums), self.part.of(sums), strict=True)
        return [None if whole is None or part is None else whole - part for whole, part in pairs]


@dataclass(frozen=True, slots=True)
class Quotient(Formula):
    part: Formula
    whole: Formula
    is_whole: ClassVar[bool] = False

    @property
    def sums(self) -> tuple[Sum, ...]:
        return self.part.sums + self.whole.sums

    def of(self, sums: Mapping[Sum, Sequence[int]]) -> Sequence[Number]:
        return list(map(quotient, self.part.of(sums), self.whole.of(sums)))


def quotient(part: float | None, whole: float | None) -> float | None:
    return part / whole if whole and part is not None else None
