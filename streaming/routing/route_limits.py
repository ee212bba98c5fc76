"""Limits of routes: requests and tokens per minute, and how fast tokens may grow; counted in Redis for all processes.

Tokens are known when a turn ends. Until then a guess counts in their place, the average of the route's last turns:
otherwise a hundred turns at once, such as another route's failure sends, would all find the route idle. A guess never
refuses the first turn, whatever the limit. While Redis is down, everything is served.
"""

import time
from dataclasses import dataclass
from typing import Any

from redis import RedisError

from foundation.serving import loop_redis
from foundation.serving.counting import LUA, MINUTE_S
from foundation.serving.shared_redis import Circuit
from streaming.catalogue.catalogue import RouteLimits, ServedRoute

_circuit = Circuit("route limits")

# A route may always carry so much in a minute, however little it carried before: 10 % of its tpm, and at least this.
_RAMP_FLOOR_TOKENS = 10_000
_RAMP_AFTER_MIN = 3  # the minutes that growth is measured over
_RAMP_MINUTES = 3  # of those before, the busiest counts: a lull of a minute costs nothing
_RAMP_KEPT_S = (_RAMP_AFTER_MIN + _RAMP_MINUTES + 1) * MINUTE_S
_MAX_FIRST_GUESS_TOKENS = 2000
_BYTES_A_TOKEN = 4
_AVERAGED_OVER = 8  # turns

# Count one request, unless a limit is reached.
# KEYS: requests, tokens; then, with a ramp: tokens of this minute, and of the minutes that it is compared with.
# ARGV: max. requests, max. tokens (0: no limit), the guess in tokens; then, with a ramp: its percent, the tokens that
# are always allowed, ms to the next minute, how long a minute is kept in s.
# Returns: ms until the limit that is reached lets another one through; -1 if none is.
_TAKE = (
    LUA
    + """
local requests, tokens, guess = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function counted(key) return tonumber(redis.call('GET', key) or 0) end
if requests > 0 and counted(KEYS[1]) >= requests then return redis.call('PTTL', KEYS[1]) end
if tokens > 0 and counted(KEYS[2]) >= tokens then return redis.call('PTTL', KEYS[2]) end
if #KEYS > 2 then
  local before = 0
  for number = 4, #KEYS do before = math.max(before, counted(KEYS[number])) end
  local allowed = math.max(tonumber(ARGV[5]), before * (100 + tonumber(ARGV[4])) / 100)
  if counted(KEYS[3]) >= allowed then return tonumber(ARGV[6]) end
  count(KEYS[3], ARGV[7], guess)
end
if requests > 0 then count(KEYS[1], 60, 1) end
if tokens > 0 then count(KEYS[2], 60, guess) end
return -1
"""
)

# Put what a turn used in the place of the guess.
# KEYS: tokens; with a ramp: tokens of the minute in which it was guessed, and of this minute.
# ARGV: how many more than guessed; how long a minute is kept in s.
_SETTLE = (
    LUA
    + """
local more = tonumber(ARGV[1])
if more > 0 or redis.call('EXISTS', KEYS[1]) == 1 then count(KEYS[1], 60, more) end
if #KEYS > 1 then
  local minute = more > 0 and KEYS[3] or KEYS[2]
  if more > 0 or redis.call('EXISTS', minute) == 1 then count(minute, ARGV[2], more) end
end
return 0
"""
)

_average_tokens: dict[str, float] = {}  # of a turn, by the route's key


@dataclass(frozen=True, slots=True)
class Grant:
    """A request that was let through, and what was guessed of it."""

    guess: int
    minute: int


@dataclass(frozen=True, slots=True)
class Over:
    """The route is at a limit; seconds until it lets another request through."""

    wait_s: float


async def take(route: ServedRoute, limits: RouteLimits, prompt_bytes: int) -> Grant | Over:
    now = time.time()
    grant = Grant(_guess(route, prompt_bytes), int(now // MINUTE_S))
    if _circuit.is_open:
        return grant
    try:
        [wait_ms] = await loop_redis.ask(_take_command(route, limits, grant, now))
    except RedisError:
        _circuit.note_failure()
        return grant
    return grant if wait_ms < 0 else Over(max(wait_ms / 1000, 1.0))


def settle(route: ServedRoute, limits: RouteLimits, grant: Grant, tokens: int | None) -> None:
    """The turn, or its attempt, is over. `tokens` None: not known, so the guess stays. Returns at once."""
    if tokens is None or (limits.tpm is None and limits.tpm_ramp_percent is None):
        return
    if tokens:
        average = _average_tokens.get(route.key, float(tokens))
        _average_tokens[route.key] = average + (tokens - average) / _AVERAGED_OVER
    if tokens == grant.guess or _circuit.is_open:
        return
    keys = [_key(route, "tokens")]
    if limits.tpm_ramp_percent is not None:
        keys += [_minute_key(route, grant.minute), _minute_key(route, int(time.time() // MINUTE_S))]
    asked = loop_redis.ask(("EVAL", _SETTLE, len(keys), *keys, tokens - grant.guess, _RAMP_KEPT_S))
    asked.add_done_callback(_note_failure)


def _guess(route: ServedRoute, prompt_bytes: int) -> int:
    guessed = _average_tokens.get(route.key)
    return max(round(guessed), 1) if guessed else min(prompt_bytes // _BYTES_A_TOKEN + 1, _MAX_FIRST_GUESS_TOKENS)


def _take_command(route: ServedRoute, limits: RouteLimits, grant: Grant, now: float) -> loop_redis.Command:
    keys = [_key(route, "requests"), _key(route, "tokens")]
    arguments: list[int] = [limits.rpm or 0, limits.tpm or 0, grant.guess]
    if limits.tpm_ramp_percent is not None:
        first = grant.minute - _RAMP_AFTER_MIN
        keys += [_minute_key(route, each) for each in (grant.minute, *range(first, first - _RAMP_MINUTES, -1))]
        always = max((limits.tpm or 0) // 10, _RAMP_FLOOR_TOKENS)
        to_next_ms = round((MINUTE_S - now % MINUTE_S) * 1000)
        arguments += [limits.tpm_ramp_percent, always, to_next_ms, _RAMP_KEPT_S]
    return ("EVAL", _TAKE, len(keys), *keys, *arguments)


def _key(route: ServedRoute, what: str) -> str:
    return f"route:{what}:{route.key}"


def _minute_key(route: ServedRoute, minute: int) -> str:
    return f"route:minute:{minute}:{route.key}"


def _note_failure(asked: Any) -> None:
    if not asked.cancelled() and asked.exception() is not None:
        _circuit.note_failure()
