"""A caller's limits: requests per minute, concurrent streams and tokens per day, per key and per user.

Counted in Redis across all web processes (the slots of open streams in a sorted set): a turn begins with one script and
ends with two commands, sent from the event loop. One call per count, in a thread, took ten times the CPU. While Redis
is down, everything is served, and counted as unavailable.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from redis import RedisError

from foundation.access import throttling
from foundation.access.credentials import Credential
from foundation.serving import loop_redis
from foundation.serving.counting import DAY_S, LUA, MINUTE_S, Counting, counting
from foundation.serving.shared_redis import Circuit
from streaming.catalogue import catalogue
from streaming.wire.faults import Fault

_circuit = Circuit("chat limits")

# Count a turn against all limits, or stop at the first one reached.
# KEYS: for each scope, widest first: its requests, its tokens, its slots; finally: requests over all endpoints.
# ARGV: now, the slot's expiry, the slot's name; for each scope: max. requests, their window in s, max. tokens
# (0: no limit), max. slots; finally, over all endpoints: max. requests and their window. The slot of a dead process
# expires.
# Returns: the limit reached ('' if none), the number of its scope, ms until the count of requests over all endpoints
# expires; then for each scope examined: requests made, ms until that count expires, tokens used, ms until that count
# expires.
_ENTER = (
    LUA
    + """
local made = count(KEYS[#KEYS], ARGV[#ARGV], 1)
if made > tonumber(ARGV[#ARGV - 1]) then return {'all requests', 0, redis.call('PTTL', KEYS[#KEYS])} end
local answer = {'', 0, 0}
local function limit(scope, number) return tonumber(ARGV[4 * scope - 1 + number]) end
for scope = 1, (#KEYS - 1) / 3 do
  local requests, tokens = KEYS[3 * scope - 2], KEYS[3 * scope - 1]
  local made = count(requests, limit(scope, 2), 1)
  local used, used_for = 0, 0
  if limit(scope, 3) > 0 then
    used, used_for = tonumber(redis.call('GET', tokens) or 0), redis.call('PTTL', tokens)
  end
  for _, figure in ipairs({made, redis.call('PTTL', requests), used, used_for}) do table.insert(answer, figure) end
  answer[2] = scope
  if made > limit(scope, 1) then answer[1] = 'requests' return answer end
  if limit(scope, 3) > 0 and used >= limit(scope, 3) then answer[1] = 'tokens' return answer end
end
for scope = 1, (#KEYS - 1) / 3 do
  local slots = KEYS[3 * scope]
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', ARGV[1])
  answer[2] = scope
  if redis.call('ZCARD', slots) >= limit(scope, 4) then answer[1] = 'streams' return answer end
end
for scope = 1, (#KEYS - 1) / 3 do
  redis.call('ZADD', KEYS[3 * scope], ARGV[2], ARGV[3])
  redis.call('EXPIREAT', KEYS[3 * scope], math.ceil(ARGV[2]) + 1)
end
return answer
"""
)
_FIGURES_A_SCOPE = 4


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """The subject of a set of limits: a key, or one user."""

    name: str
    requests_per_minute: int
    concurrent_streams: int
    tokens_per_day: int  # 0: no limit

    @cached_property
    def requests(self) -> Counting:
        return counting("chat-requests", self.name, MINUTE_S)

    @cached_property
    def tokens(self) -> Counting:
        return counting("chat-tokens", self.name, DAY_S)

    @property
    def slots(self) -> str:
        return f"chat:slots:{self.name}"


@dataclass(kw_only=True)
class Grant:
    """A turn that was let in. `headers` tell the client how much is left."""

    completion_id: UUID
    scopes: Sequence[_Scope] = ()
    headers: dict[str, str] = field(default_factory=dict)


async def enter(credential: Credential, completion_id: UUID) -> Grant:
    """Count one turn by this caller, also as an API request.

    Raises: Fault 429, which names the limit and how long to wait.
    """
    scopes = _scopes_of(credential)
    if not scopes or _circuit.is_open:
        return Grant(completion_id=completion_id)
    grant = Grant(completion_id=completion_id, scopes=scopes)
    try:
        [(reached, number, all_ms, *figures)] = await loop_redis.ask(_enter_command(credential, scopes, completion_id))
    except RedisError:
        _circuit.note_failure()
        return Grant(completion_id=completion_id)
    except asyncio.CancelledError:
        leave(grant, 0)  # the client left, but the script runs anyway
        raise
    if reached == b"all requests":
        raise too_many_requests(all_ms / 1000)
    waits_s = {"streams": 1.0}
    for position, scope in enumerate(scopes[: len(figures) // _FIGURES_A_SCOPE]):
        # The key's figures come first; a user's limits are narrower, so their figures replace them.
        made, requests_ms, used, tokens_ms = figures[_FIGURES_A_SCOPE * position :][:_FIGURES_A_SCOPE]
        waits_s |= {"requests": max(requests_ms, 0) / 1000, "tokens": max(tokens_ms, 0) / 1000}
        grant.headers |= _headers("requests", scope.requests_per_minute, made, waits_s["requests"])
        if scope.tokens_per_day:
            grant.headers |= _headers("tokens", scope.tokens_per_day, used, waits_s["tokens"])
    if reached:
        raise _too_many(reached.decode(), scopes[number - 1], waits_s, grant.headers)
    return grant


def leave(grant: Grant, tokens: int) -> None:
    """The turn has ended: release its slots and count its tokens. Returns at once.

    A turn's tokens are known only at its end, so the last turn of a day may exceed the limit.
    """
    commands: list[loop_redis.Command] = []
    for scope in grant.scopes:
        commands.append(("ZREM", scope.slots, str(grant.completion_id)))
        if scope.tokens_per_day and tokens:
            commands.append(scope.tokens.command(amount=tokens))
    if commands:
        loop_redis.ask(*commands).add_done_callback(_note_failure)


def _note_failure(left: "asyncio.Future[list[Any]]") -> None:
    if not left.cancelled() and left.exception() is not None:
        _circuit.note_failure()


@lru_cache(maxsize=10_000)  # building the names of the counts takes as long as everything else here
def _scopes_of(credential: Credential) -> tuple[_Scope, ...]:
    if not credential.is_throttled:
        return ()
    of_key = _Scope(
        name=f"key:{credential.name}",
        requests_per_minute=credential.requests_per_minute or settings.CHAT_REQUESTS_PER_MINUTE,
        concurrent_streams=credential.concurrent_streams or settings.CHAT_CONCURRENT_STREAMS,
        tokens_per_day=credential.tokens_per_day or settings.CHAT_TOKENS_PER_DAY,
    )
    if credential.user_id is None:
        return (of_key,)
    of_user = _Scope(
        name=credential.owner,  # "user:…": a user of one backend or app, whichever key it uses
        requests_per_minute=settings.CHAT_USER_REQUESTS_PER_MINUTE,
        concurrent_streams=settings.CHAT_USER_CONCURRENT_STREAMS,
        tokens_per_day=settings.CHAT_USER_TOKENS_PER_DAY,
    )
    return (of_key, of_user)


def _enter_command(credential: Credential, scopes: Sequence[_Scope], completion_id: UUID) -> loop_redis.Command:
    now = time.time()
    ends_at = now + catalogue.longest_turn_s() + settings.CHAT_FIRST_CONTENT_TIMEOUT_S
    keys: list[str] = []
    limits: list[int] = []
    for scope in scopes:
        requests = scope.requests
        keys += [requests.key, scope.tokens.key, scope.slots]
        limits += [scope.requests_per_minute, requests.window_s, scope.tokens_per_day, scope.concurrent_streams]
    overall = throttling.counting_of(credential)
    keys.append(overall.key)
    limits += [settings.API_REQUESTS_PER_MINUTE, overall.window_s]
    return ("EVAL", _ENTER, len(keys), *keys, now, ends_at, str(completion_id), *limits)


def too_many_requests(wait_s: float) -> Fault:
    """The fault for too many requests over all endpoints."""
    return Fault("rate_limit_exceeded", "Too many requests with this key.", status=429, retry_after_s=wait_s)


def _headers(what: str, limit: int, taken: int, wait_s: float) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{what}": str(limit),
        f"x-ratelimit-remaining-{what}": str(max(limit - taken, 0)),
        f"x-ratelimit-reset-{what}": f"{wait_s:.0f}s",
    }


def _too_many(reached: str, scope: _Scope, waits_s: dict[str, float], headers: dict[str, str]) -> Fault:
    limit, what = {
        "requests": (scope.requests_per_minute, "requests per minute"),
        "tokens": (scope.tokens_per_day, "tokens per day"),
        "streams": (scope.concurrent_streams, "concurrent streams"),
    }[reached]
    wait_s = max(waits_s[reached], 1)
    message = f"The limit of {limit} {what} is reached. Try again in {wait_s:.0f} s."
    return Fault("rate_limit_exceeded", message, status=429, retry_after_s=wait_s, headers=headers)
