"""Counts in fixed windows, in Redis: a window begins with the first thing counted, and the count expires with it.

All callers use one script, from a thread or from the event loop, alone or together with something else. It is atomic:
a count that never expired would refuse its caller for ever.
"""

from functools import lru_cache
from typing import NamedTuple

MINUTE_S = 60
DAY_S = 24 * 3600

# `count(key, window in s, amount)`: returns the count including this amount. Other scripts start with this text.
LUA = """
local function count(key, window_s, amount)
  local counted = redis.call('INCRBY', key, amount)
  if counted == tonumber(amount) then redis.call('EXPIRE', key, window_s) end
  return counted
end
"""
_COUNT = f"{LUA}return count(KEYS[1], ARGV[1], ARGV[2])"


class Counting(NamedTuple):
    """Where one thing is counted, and over how long a window."""

    key: str
    window_s: int

    def command(self, amount: int = 1) -> tuple[str | int, ...]:
        """The command that counts, and returns the count."""
        return ("EVAL", _COUNT, 1, self.key, self.window_s, amount)


@lru_cache(maxsize=10_000)  # building the name of a count takes longer than looking it up here
def counting(what: str, of: str, window_s: int) -> Counting:
    """What is counted, for whom, over how long a window. Each combination of the three has its own count."""
    return Counting(f"count:{what}:{window_s}:{of}", window_s)
