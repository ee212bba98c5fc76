"""Requests and tokens per minute of a route, and how fast tokens may grow: exact at once, nothing without Redis."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
import time_machine
from pytest_django import Settings

from foundation.serving import loop_redis
from foundation.serving.shared_redis import Circuit
from streaming.catalogue.catalogue import RouteLimits, ServedRoute
from streaming.routing import route_limits
from streaming.routing.route_limits import Grant, Over
from streaming.routing.selection import Selection
from streaming.wire import faults
from streaming.wire.faults import Fault
from tests.streaming.routing.conftest import MakeRoute

T = TypeVar("T")
BUSY = Fault("upstream_unavailable", "Busy.", status=503, retry=faults.Retry.SAME_ROUTE)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    async def running() -> T:
        try:
            return await scenario
        finally:
            await loop_redis.shut_down()

    return asyncio.run(running())


def limits(rpm: int | None = None, tpm: int | None = None, ramp: int | None = None) -> RouteLimits:
    found = RouteLimits.of(rpm=rpm, tpm=tpm, tpm_ramp_percent=ramp)
    assert found is not None
    return found


async def play(routes: list[ServedRoute], tokens: int | None = 10) -> str:
    """One turn that answers; returns its provider."""
    selection = Selection(routes, messages=b"12345678")
    route = await selection.next()
    assert route is not None
    selection.answered()
    selection.ended(is_completed=True, fault=None, tokens=tokens)
    return route.provider


def test_route_over_its_requests_is_passed_over(route: MakeRoute) -> None:
    routes = [route("a", limits=limits(rpm=2)), route("b")]

    async def scenario() -> list[str]:
        return [await play(routes) for _ in range(3)]

    assert run(scenario()) == ["a", "a", "b"]


def test_all_over_is_a_429_with_the_shortest_wait(route: MakeRoute) -> None:
    routes = [route("a", limits=limits(rpm=1)), route("b", limits=limits(rpm=1))]

    async def scenario() -> Fault:
        assert [await play(routes), await play(routes)] == ["a", "b"]
        with pytest.raises(Fault) as caught:
            await play(routes)
        return caught.value

    fault = run(scenario())

    assert (fault.status, fault.code) == (429, "rate_limit_exceeded")
    assert fault.retry_after_s is not None
    assert 1 <= fault.retry_after_s <= 60


def test_fifty_at_once_are_counted_exactly(route: MakeRoute) -> None:
    routes = [route("a", limits=limits(rpm=10)), route("b")]

    async def scenario() -> list[str]:
        return await asyncio.gather(*(play(routes) for _ in range(50)))

    providers = run(scenario())

    assert (providers.count("a"), providers.count("b")) == (10, 40)


def test_tokens_of_turns_that_ended_count(route: MakeRoute) -> None:
    routes = [route("a", limits=limits(tpm=25)), route("b")]

    async def scenario() -> list[str]:
        return [await play(routes, tokens=10) for _ in range(4)]

    assert run(scenario()) == ["a", "a", "a", "b"]


def test_turns_at_once_are_guessed_by_those_before(route: MakeRoute) -> None:
    a, b = route("a", limits=limits(tpm=1000)), route("b")

    async def scenario() -> list[str]:
        await play([a], tokens=300)
        selections = [Selection([a, b]) for _ in range(5)]
        chosen = [await selection.next() for selection in selections]
        return [each.provider for each in chosen if each is not None]

    assert run(scenario()) == ["a", "a", "a", "b", "b"]


def test_failed_attempt_gives_its_guess_back(route: MakeRoute) -> None:
    a, b = route("a", limits=limits(tpm=500)), route("b")

    async def scenario() -> str:
        await play([a], tokens=300)
        failing = Selection([a, b])
        await failing.next()
        failing.failed(BUSY)
        return await play([a, b])

    assert run(scenario()) == "a"


def test_unknown_usage_counts_as_guessed(route: MakeRoute) -> None:
    a, b = route("a", limits=limits(tpm=3)), route("b")  # the messages are guessed to be 3 tokens

    async def scenario() -> list[str]:
        return [await play([a, b], tokens=None) for _ in range(2)]

    assert run(scenario()) == ["a", "b"]


def test_route_over_its_limits_is_not_asked_although_it_is_the_last(route: MakeRoute) -> None:
    a, b = route("a"), route("b", limits=limits(rpm=1))

    async def scenario() -> list[str]:
        await play([b])
        selection = Selection([a, b])
        asked = []
        while (chosen := await selection.next()) is not None:  # no 429: a failed, and that is what the client is told
            asked.append(chosen.provider)
            selection.failed(BUSY)
        return asked

    assert run(scenario()) == ["a"]


def test_repeating_counts_as_a_request(route: MakeRoute) -> None:
    a = route("a", limits=limits(rpm=2))

    async def scenario() -> list[bool]:
        selection = Selection([a])
        await selection.next()
        selection.failed(BUSY)
        return [await selection.repeat(a), await selection.repeat(a)]

    assert run(scenario()) == [True, False]


@pytest.mark.parametrize(
    ("before", "now", "is_through"),
    [
        (0, 9_999, True),  # so much is always allowed
        (0, 10_000, False),
        (50_000, 59_999, True),
        (50_000, 60_000, False),
    ],
)
def test_tokens_grow_by_so_many_percent_in_three_minutes(
    route: MakeRoute, before: int, now: int, is_through: bool
) -> None:
    allowed = limits(ramp=20)
    a = route("a", limits=allowed)

    async def use(tokens: int) -> None:
        grant = await route_limits.take(a, allowed, 0)
        assert isinstance(grant, Grant)
        route_limits.settle(a, allowed, grant, tokens)
        route_limits._average_tokens.clear()  # so that the next guess is 1 token

    async def scenario() -> Grant | Over:
        with time_machine.travel(1_800_000_030, tick=False) as clock:
            await use(before)
            clock.shift(180)
            await use(now - 1)
            await use(1)
            return await route_limits.take(a, allowed, 0)

    answer = run(scenario())

    assert isinstance(answer, Grant) == is_through
    if isinstance(answer, Over):
        assert answer.wait_s == 30  # to the next minute


def test_step_of_a_minute_is_no_base_for_the_next(route: MakeRoute) -> None:
    allowed = limits(ramp=20)
    a = route("a", limits=allowed)

    async def scenario() -> Grant | Over:
        with time_machine.travel(1_800_000_000, tick=False) as clock:
            grant = await route_limits.take(a, allowed, 0)
            assert isinstance(grant, Grant)
            route_limits.settle(a, allowed, grant, 100_000)
            clock.shift(60)
            first = await route_limits.take(a, allowed, 0)  # the guess is 100,000 by now
            assert isinstance(first, Grant)
            return await route_limits.take(a, allowed, 0)

    assert isinstance(run(scenario()), Over)


def test_without_redis_everything_is_served(
    route: MakeRoute, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"
    monkeypatch.setattr(route_limits, "_circuit", Circuit("route limits"))  # skips Redis for a while after this
    routes = [route("a", limits=limits(rpm=1, tpm=1, ramp=1))]

    async def scenario() -> list[str]:
        return [await play(routes) for _ in range(5)]

    assert run(scenario()) == ["a"] * 5
