"""The routes of one turn, as it goes through them: best first, without those that cool or are at their limits.

while (route := await selection.next()) is not None:
    …                                  # then `failed`, or `answered`
selection.ended(…)                     # once, however the turn ended
"""

import random
import time
from collections.abc import Sequence

import msgspec

from streaming.catalogue.catalogue import ServedRoute
from streaming.routing import cooling, route_limits
from streaming.routing.route_limits import Grant, Over
from streaming.wire.faults import Fault


class Selection:
    """`messages` are the client's, whose length tells about how many tokens they are."""

    __slots__ = ("_answers", "_asked", "_grant", "_has_asked", "_has_asked_cooling", "_left", "_messages", "_waits_s")

    def __init__(
        self, routes: Sequence[ServedRoute], *, is_weighted: bool = False, messages: msgspec.Raw | bytes = b""
    ) -> None:
        self._left = _by_weight(routes) if is_weighted and len(routes) > 1 else list(routes)
        self._messages = messages
        self._asked: ServedRoute | None = None  # the one whose verdict is open
        self._grant: Grant | None = None
        self._answers = False
        self._has_asked = False
        self._has_asked_cooling = False
        self._waits_s: list[float] = []

    async def next(self) -> ServedRoute | None:
        """The best route that is left; None if there is none. Raises: Fault 429, if all of them are at their limits."""
        while (route := self._best_left()) is not None:
            self._left.remove(route)
            if await self._take(route):
                return route
        if self._waits_s and not self._has_asked:
            raise _at_limits(min(self._waits_s))
        return None

    async def repeat(self, route: ServedRoute) -> bool:
        """Whether the route may be asked again after a failure."""
        return not self.is_given_up(route) and await self._take(route)

    def is_given_up(self, route: ServedRoute) -> bool:
        """Whether the route cools by now, and another one is left."""
        return bool(self._left) and cooling.is_cooling(route, time.monotonic())

    def failed(self, fault: Fault) -> None:
        """The attempt on the route has failed."""
        self._settle(0)
        route, self._asked = self._asked, None
        if route is None:
            return
        if cooling.is_the_routes(fault):
            cooling.note_failure(route, time.monotonic())
        else:
            cooling.note_nothing(route)

    def answered(self) -> None:
        """The first content of the answer has come."""
        if self._asked is not None:
            self._answers = True
            cooling.note_content(self._asked)

    def ended(self, *, is_completed: bool, fault: Fault | None, tokens: int | None) -> None:
        """The turn has ended: `fault` is why it failed, None if it was left or stopped; `tokens` None: unknown."""
        has_answered = is_completed or self._answers
        self._settle(tokens if tokens is not None or has_answered else 0)
        if fault is not None:
            self.failed(fault)
        elif self._asked is not None:
            route, self._asked = self._asked, None
            (cooling.note_success if has_answered else cooling.note_nothing)(route)

    def _best_left(self) -> ServedRoute | None:
        """The first that does not cool; if all do, the one that has cooled longest, but only one of them."""
        now = time.monotonic()
        for route in self._left:
            if not cooling.is_cooling(route, now):
                return route
        if not self._left or self._has_asked_cooling:
            return None
        return min(self._left, key=cooling.left_s)

    async def _take(self, route: ServedRoute) -> bool:
        """Whether the route's limits let this request through."""
        grant = None
        if route.limits is not None:
            taken = await route_limits.take(route, route.limits, memoryview(self._messages).nbytes)
            if isinstance(taken, Over):
                self._waits_s.append(taken.wait_s)
                return False
            grant = taken
        now = time.monotonic()
        self._has_asked_cooling = self._has_asked_cooling or cooling.is_cooling(route, now)
        cooling.note_asked(route, now)
        self._asked, self._grant, self._has_asked = route, grant, True
        return True

    def _settle(self, tokens: int | None) -> None:
        route, grant = self._asked, self._grant
        self._grant = None
        if grant is not None and route is not None and route.limits is not None:
            route_limits.settle(route, route.limits, grant, tokens)


def _by_weight(routes: Sequence[ServedRoute]) -> list[ServedRoute]:
    """A random order in which each route comes first as often as its weight says; those without weight come last.

    Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006: sort by u^(1/weight).
    """
    weighted = [route for route in routes if route.weight]
    chances = {id(route): random.random() ** (1 / route.weight) for route in weighted}  # noqa: S311  # not secret
    weighted.sort(key=lambda route: chances[id(route)], reverse=True)
    return weighted + [route for route in routes if not route.weight]


def _at_limits(wait_s: float) -> Fault:
    message = f"This model is at its limit. Try again in {wait_s:.0f} s."
    return Fault("rate_limit_exceeded", message, status=429, retry_after_s=wait_s, detail="every route is at its limit")
