"""Sums by group, read from their sources and put side by side: one row a group, one column a sum."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from attribution.statistics.formulas import Source, Sum
from attribution.statistics.scopes import Columns, Key, Scope


@dataclass(frozen=True, slots=True)
class Sheet:
    """A value of each sum for each key; 0 where a source has nothing of the group."""

    keys: list[Key]
    sums: dict[Sum, list[int]]

    def picked(self, places: Sequence[int]) -> "Sheet":
        """Some of the rows, in this order."""
        sums = {each: [values[place] for place in places] for each, values in self.sums.items()}
        return Sheet([self.keys[place] for place in places], sums)

    def added_up(self) -> "Sheet":
        """One row of all."""
        return Sheet([()], {each: [sum(values)] for each, values in self.sums.items()})

    def added_up_by(self, part: Callable[[Key], Key], keys: Iterable[Key]) -> "Sheet":
        """A row for each of `keys`, added up from the rows whose key has this part; 0 if no row has it."""
        place_of = {key: place for place, key in enumerate(keys)}
        places = [place_of[part(key)] for key in self.keys]
        sums = {each: [0] * len(place_of) for each in self.sums}
        for each, values in self.sums.items():
            for place, value in zip(places, values, strict=True):
                sums[each][place] += value
        return Sheet(list(place_of), sums)

    def corrected(self, other: "Sheet") -> "Sheet":
        """With the sums that another sheet of these keys has."""
        place_of = {key: place for place, key in enumerate(other.keys)}
        places = [place_of.get(key) for key in self.keys]
        found = {
            each: [0 if place is None else values[place] for place in places] for each, values in other.sums.items()
        }
        return Sheet(self.keys, self.sums | found)


def read(sums: Iterable[Sum], scope: Scope, columns: Columns, *, today: date) -> Sheet:
    """All groups of which any source has something, in order."""
    are_days = "day" in columns or scope.is_one_day
    by_source: dict[Source, list[Sum]] = {}
    for each in dict.fromkeys(sums):
        by_source.setdefault(each.source if are_days else each.over_days or each.source, []).append(each)
    order = [each for listed in by_source.values() for each in listed]
    found: dict[Key, list[int | None]] = {}
    begin = 0
    for source, listed in by_source.items():
        end = begin + len(listed)
        for key, values in source(listed, scope, columns, today):
            found.setdefault(key, [0] * len(order))[begin:end] = values
        begin = end
    keys = sorted(found)
    # One column after the other: all at once would be made from a call with 36,000 arguments.
    rows = [found[key] for key in keys]
    return Sheet(keys, {each: [row[place] or 0 for row in rows] for place, each in enumerate(order)})


def total(sheet: Sheet, scope: Scope, *, today: date) -> Sheet:
    """One row of all that the scope has."""
    return corrected(sheet.added_up(), scope, (), today=today)


def corrected(sheet: Sheet, scope: Scope, columns: Columns, *, today: date) -> Sheet:
    """A sheet by `columns` that was added up from smaller groups: numbers of different users are read again, since one
    user may be in several of these.
    """
    if scope.is_one_day:
        return sheet
    return sheet.corrected(read([each for each in sheet.sums if each.over_days], scope, columns, today=today))
