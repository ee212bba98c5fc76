"""What a caller may take: requests per minute, concurrent streams and tokens per day, by key and by user.

Counted in Redis, each count atomic (package `limits`; the slots of open streams by a script of ours), over all web
processes. Redis down: everything is served, and counted as unavailable.

All functions here block on Redis: call them off the event loop.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from redis import RedisError

from config.access.credentials import Credential
from config.shared_redis import Circuit, client, limiter
from streaming.faults import Fault

_circuit = Circuit("chat limits")

# KEYS[1] slots; ARGV: now, when the slot ends by itself, its name, how many there are.
# A slot whose process died ends by itself; 1 if there was a free one.
_TAKE_SLOT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIREAT', KEYS[1], math.ceil(ARGV[2]) + 1)
return 1
"""


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """Whom the limits count: a key, or one user."""

    name: str
    requests_per_minute: int
    concurrent_streams: int
    tokens_per_day: int  # 0: no limit

    @property
    def requests(self) -> RateLimitItem:
        return RateLimitItemPerMinute(self.requests_per_minute, namespace="chat-requests")

    @property
    def tokens(self) -> RateLimitItem:
        return RateLimitItemPerDay(self.tokens_per_day, namespace="chat-tokens")

    @property
    def slots(self) -> str:
        return f"chat:slots:{self.name}"


@dataclass(kw_only=True)
class Grant:
    """A turn that was let in. `headers` tell the client how much is left."""

    completion_id: UUID
    scopes: Sequence[_Scope] = ()
    headers: dict[str, str] = field(default_factory=dict)


def enter(credential: Credential, completion_id: UUID) -> Grant:
    """Count one turn of this caller. Raises: Fault 429 that says which limit and how long to wait."""
    scopes = list(_scopes_of(credential))
    if not scopes or _circuit.is_open:
        return Grant(completion_id=completion_id)
    grant = Grant(completion_id=completion_id, scopes=scopes)
    try:
        for scope in scopes:
            _count_request(scope, grant)
            _refuse_used_up_tokens(scope, grant)
        _take_slots(grant)
    except RedisError:
        _circuit.note_failure()
        return Grant(completion_id=completion_id)
    return grant


def leave(grant: Grant, tokens: int) -> None:
    """The turn has ended: give its slots back and count its tokens."""
    try:
        for scope in grant.scopes:
            client().zrem(scope.slots, str(grant.completion_id))
            if scope.tokens_per_day and tokens:
                limiter().hit(scope.tokens, scope.name, cost=tokens)
    except RedisError:
        _circuit.note_failure()


def _scopes_of(credential: Credential) -> Iterator[_Scope]:
    if not credential.is_throttled:
        return
    yield _Scope(
        name=f"key:{credential.name}",
        requests_per_minute=credential.requests_per_minute or settings.CHAT_REQUESTS_PER_MINUTE,
        concurrent_streams=credential.concurrent_streams or settings.CHAT_CONCURRENT_STREAMS,
        tokens_per_day=credential.tokens_per_day or settings.CHAT_TOKENS_PER_DAY,
    )
    if credential.user_id is not None:
        yield _Scope(
            name=f"user:{credential.caller_id}:{credential.user_id}",
            requests_per_minute=settings.CHAT_USER_REQUESTS_PER_MINUTE,
            concurrent_streams=settings.CHAT_USER_CONCURRENT_STREAMS,
            tokens_per_day=settings.CHAT_USER_TOKENS_PER_DAY,
        )


def _count_request(scope: _Scope, grant: Grant) -> None:
    is_let_in = limiter().hit(scope.requests, scope.name)
    left = limiter().get_window_stats(scope.requests, scope.name)
    wait_s = max(left.reset_time - time.time(), 0.0)
    # The key's figures first; a user's are narrower and replace them.
    grant.headers |= {
        "x-ratelimit-limit-requests": str(scope.requests_per_minute),
        "x-ratelimit-remaining-requests": str(max(left.remaining, 0)),
        "x-ratelimit-reset-requests": f"{wait_s:.0f}s",
    }
    if not is_let_in:
        raise _too_many("requests per minute", scope.requests_per_minute, wait_s=wait_s, headers=grant.headers)


def _refuse_used_up_tokens(scope: _Scope, grant: Grant) -> None:
    """What a turn takes is known at its end, so the last one of a day may go over the limit."""
    if not scope.tokens_per_day:
        return
    left = limiter().get_window_stats(scope.tokens, scope.name)
    wait_s = max(left.reset_time - time.time(), 0.0)
    grant.headers |= {
        "x-ratelimit-limit-tokens": str(scope.tokens_per_day),
        "x-ratelimit-remaining-tokens": str(max(left.remaining, 0)),
        "x-ratelimit-reset-tokens": f"{wait_s:.0f}s",
    }
    if left.remaining <= 0:
        raise _too_many("tokens per day", scope.tokens_per_day, wait_s=wait_s, headers=grant.headers)


def _take_slots(grant: Grant) -> None:
    """One slot of each scope, or none at all."""
    now = time.time()
    ends_at = now + settings.CHAT_TOTAL_TIMEOUT_S + settings.CHAT_FIRST_CONTENT_TIMEOUT_S
    taken: list[_Scope] = []
    for scope in grant.scopes:
        slot, slots = str(grant.completion_id), scope.concurrent_streams
        if not client().eval(_TAKE_SLOT, 1, scope.slots, now, ends_at, slot, slots):
            for other in taken:
                client().zrem(other.slots, str(grant.completion_id))
            raise _too_many("concurrent streams", scope.concurrent_streams, wait_s=1, headers=grant.headers)
        taken.append(scope)


def _too_many(what: str, limit: int, *, wait_s: float, headers: dict[str, str]) -> Fault:
    message = f"The limit of {limit} {what} is reached; try again in {max(wait_s, 1):.0f} s."
    return Fault("rate_limit_exceeded", message, status=429, retry_after_s=max(wait_s, 1), headers=headers)
