"""Upkeep: `sweep` puts right what was left behind, `purge` deletes what has expired.

Each job registers its passes in `AppConfig.ready`; the commands `sweep` and `purge` run all of them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

# Gets the current time and returns how many rows it dealt with. It may be run at any time and by several processes.
Pass = Callable[[datetime], int]


class Passes:
    def __init__(self) -> None:
        self._passes: dict[str, Pass] = {}

    def register(self, name: str, function: Pass) -> None:
        """`name` says in the plural what is counted, such as "expired rows"."""
        self._passes[name] = function

    def run(self, now: datetime) -> Iterator[tuple[str, int]]:
        """Run the passes in the order of their registration, each when its result is asked for."""
        for name, function in self._passes.items():
            yield name, function(now)


sweep = Passes()
purge = Passes()
