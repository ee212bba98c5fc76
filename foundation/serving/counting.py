"""Counts in fixed windows, in Redis: a window begins with the first thing that is counted, and the count ends with it.

One script for all who count, from a thread or from the event loop, alone or together with something else. It is atomic:
a count without an end would refuse its caller for ever.
"""

from functools import lru_cache
from typing import NamedTuple

MINUTE_S = 60
DAY_S = 24 * 3600

# `count(key, window in s, amount)`: the count with this amount. For other scripts to begin with.
LUA = """
local function count(key, window_s, amount)
  local counted = redis.call('INCRBY', key, amount)
  if counted == tonumber(amount) then redis.call('EXPIRE', key, window_s) end
  return counted
end
"""
_COUNT = f"{LUA}return count(KEYS[1], ARGV[1], ARGV[2])"


class Counting(NamedTuple):
    """Where one thing is counted, and for how long."""

    key: str
    window_s: int

    def command(self, amount: int = 1) -> tuple[str | int, ...]:
        """The command that counts, and answers with the count."""
        return ("EVAL", _COUNT, 1, self.key, self.window_s, amount)


@lru_cache(maxsize=10_000)  # making the name of a count takes longer than asking for it
def counting(what: str, of: str, window_s: int) -> Counting:
    """`what` is counted, of whom, for how long: each of the three makes another count."""
    return Counting(f"count:{what}:{window_s}:{of}", window_s)
