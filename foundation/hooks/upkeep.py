"""Upkeep: `sweep` repairs whatever was left unfinished, `purge` deletes whatever has expired.

Each job registers its passes in `AppConfig.ready`; the commands `sweep` and `purge` run all of them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

# Gets the current time and returns how many rows it dealt with. It may run at any time and in several processes.
Pass = Callable[[datetime], int]


class Passes:
    def __init__(self) -> None:
        self._passes: dict[str, Pass] = {}

    def register(self, name: str, function: Pass) -> None:
        """`name` is a plural that says what the pass counts, such as "expired rows"."""
        self._passes[name] = function

    def run(self, now: datetime) -> Iterator[tuple[str, int]]:
        """Run the passes in the order of registration, each when the iterator reaches it."""
        for name, function in self._passes.items():
            yield name, function(now)


sweep = Passes()
purge = Passes()
