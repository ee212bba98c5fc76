"""A progress line in the terminal. If the output goes to a file, only the end is reported."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

BAR = 24

Item = TypeVar("Item")


class Progress:
    """Counts up to `total`. Several threads may advance it."""

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._count = 0
        self._began_at = time.monotonic()
        self._lock = threading.Lock()

    def advance(self) -> None:
        with self._lock:
            self._count += 1
            if sys.stdout.isatty():
                print(f"\r{self._line()}", end="", flush=True)

    def finish(self) -> None:
        passed_s = time.monotonic() - self._began_at
        print(f"\r{self._count} {self._what} in {passed_s:.0f} s".ljust(BAR + 60), flush=True)

    def _line(self) -> str:
        passed_s = time.monotonic() - self._began_at
        left_s = passed_s / self._count * (self._total - self._count)
        filled = BAR * self._count // max(self._total, 1)
        bar = "█" * filled + "░" * (BAR - filled)
        return f"{bar} {self._count} of {self._total} {self._what}, {left_s:.0f} s left   "


def steps(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Yields the items, with a line that counts them."""
    progress = Progress(len(items), what)
    for item in items:
        yield item
        progress.advance()
    progress.finish()
