"""Concurrent requests to ad platforms, fair between destinations.

A call waits in its destination's line. No destination may use all threads, or one that hangs would stop the others.
"""

import logging
import math
import queue
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings

from attribution.delivery.lookups import Lookup
from attribution.models import Attempt, CallbackUse, Conversion
from attribution.models.destinations import DestinationKey
from attribution.platforms.http import PlatformError, PlatformUnavailable, Reply
from attribution.platforms.platform import AdAnswer, AdQuery, Platform

logger = logging.getLogger(__name__)

# How long finished calls are collected, up to half of those under way, before their results are written together.
GATHER_S = 0.03
# Calls in progress per thread, so that threads have work while results are collected and written.
CALLS_PER_THREAD = 2
# The share of all threads that one destination may use.
SHARE = 0.75


@dataclass(slots=True, eq=False)
class Call:
    """One request: a conversion's report, or a look-up (with a `query`) that answers for all conversions of one user.

    `is_probe`: sent to find out whether the destination is back. `token`: that of our app, sent with it.
    `callback_use`: has to be claimed first.
    `leave_by`: after this time (monotonic) it is not sent, since another worker may own its rows by then.
    `is_late`: it was not sent.
    """

    destination: DestinationKey
    platform: Platform
    conversions: list[Conversion]
    body: str
    query: AdQuery | None = None
    lookup: Lookup | None = None
    is_probe: bool = False
    token: str = ""
    callback_use: CallbackUse | None = None
    leave_by: float = math.inf
    is_late: bool = False
    attempt: Attempt | None = None
    reply: Reply = field(default_factory=Reply)
    answer: AdAnswer | None = None
    error: PlatformError | None = None

    @property
    def kind(self) -> Attempt.Kind:
        return Attempt.Kind.LOOKUP if self.query else Attempt.Kind.REPORT

    def make(self) -> None:
        """Send the request, and keep the outcome."""
        if time.monotonic() > self.leave_by:  # this process, or its threads, were frozen
            self.is_late = True
            self.error = PlatformUnavailable("not sent: the lease was over", self.reply)
            return
        try:
            if self.query:
                self.answer, self.reply = self.query.ask(self.body)
            else:
                self.reply = self.platform.send(self.body)
        except PlatformError as err:
            self.error, self.reply = err, err.reply
        except Exception as err:  # a bug of ours must not affect the other calls
            logger.exception("A call to %s broke", self.destination.platform)
            self.error = PlatformUnavailable(type(err).__name__, self.reply, is_unknown=True)


class Lines:
    """The calls that wait, by destination, and those that are under way."""

    def __init__(self) -> None:
        self._waiting: dict[DestinationKey, deque[Call]] = {}
        self._under_way: Counter[DestinationKey] = Counter()
        self._finished: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._share = max(1, int(settings.CONVERSION_CONCURRENCY * SHARE))

    def __len__(self) -> int:
        return self.under_way + sum(map(len, self._waiting.values()))

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    def add(self, call: Call) -> None:
        self._waiting.setdefault(call.destination, deque()).append(call)

    def destinations(self) -> list[DestinationKey]:
        """The destinations that calls are waiting for."""
        return [destination for destination, line in self._waiting.items() if line]

    def leave(self, destination: DestinationKey) -> list[Call]:
        """Remove and return all calls that wait for a destination."""
        return list(self._waiting.pop(destination, ()))

    def take(self, allowance: Callable[[DestinationKey], int | None]) -> list[Call]:
        """Take as many calls as there is room for, from each line in turn, within each destination's allowance."""
        free = settings.CONVERSION_CONCURRENCY * CALLS_PER_THREAD - self.under_way
        taken: list[Call] = []
        open_to = {name: self._room(name, allowance(name)) for name in self.destinations()}
        while free > len(taken) and open_to:
            for name in list(open_to):
                if open_to[name] <= 0 or not self._waiting[name] or len(taken) == free:
                    del open_to[name]
                    continue
                taken.append(self._waiting[name].popleft())
                open_to[name] -= 1
        return taken

    def start(self, calls: list[Call]) -> None:
        for call in calls:
            self._under_way[call.destination] += 1
            _threads().submit(self._make, call)

    def finished(self) -> list[Call]:
        """Wait for calls to finish, and a moment longer for more of them; empty if none is under way."""
        if not self.under_way:
            return []
        calls = [self._finished.get()]
        gathered_until = time.monotonic() + GATHER_S
        while self._finished.qsize() < self.under_way // 2 and time.monotonic() < gathered_until:
            time.sleep(GATHER_S / 6)
        while not self._finished.empty():
            calls.append(self._finished.get())
        self._under_way.subtract(call.destination for call in calls)
        return calls

    def _room(self, destination: DestinationKey, allowance: int | None) -> int:
        limit = self._share if allowance is None else min(self._share, allowance)
        return limit - self._under_way[destination]

    def _make(self, call: Call) -> None:
        call.make()
        self._finished.put(call)


@cache
def _threads() -> ThreadPoolExecutor:
    """One pool per process, so that its connections stay warm."""
    return ThreadPoolExecutor(settings.CONVERSION_CONCURRENCY, thread_name_prefix="ad-platforms")
