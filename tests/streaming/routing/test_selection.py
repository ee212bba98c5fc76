"""Which route a turn asks: by order or weight, and which ones cool."""

from collections import Counter

import pytest
from pytest_django import Settings

from streaming.catalogue.catalogue import ServedRoute
from streaming.routing import cooling
from streaming.routing.selection import Selection
from streaming.wire import faults
from streaming.wire.faults import Fault
from tests.streaming.routing.conftest import MakeRoute

pytestmark = pytest.mark.anyio

BUSY = Fault("upstream_unavailable", "Busy.", status=503, retry=faults.Retry.SAME_ROUTE)
BAD_REQUEST = Fault("bad", "Bad.", status=400)
IDLE = faults.idle_timeout(60)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> "Clock":
    settings.CHAT_COOL_DOWN_FAILURES = 3
    settings.CHAT_COOL_DOWN_S = 30.0
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def turn(*routes: ServedRoute, failing: dict[str, Fault] | None = None) -> list[str]:
    """Play one turn over these routes; returns the providers that it asked."""
    selection, asked, failing = Selection(routes), [], failing or {}
    fault = None
    while (route := await selection.next()) is not None:
        asked.append(route.provider)
        fault = failing.get(route.provider)
        if fault is None:
            selection.answered()
            break
        selection.failed(fault)
        if fault.retry is faults.Retry.NEVER:
            break
    selection.ended(is_completed=fault is None, fault=fault, tokens=None)
    return asked


async def fail(route: ServedRoute, times: int, fault: Fault = BUSY) -> None:
    for _ in range(times):
        await turn(route, failing={route.provider: fault})


async def test_routes_are_asked_in_their_order(route: MakeRoute) -> None:
    a, b, c = route("a"), route("b"), route("c")

    assert await turn(a, b, c, failing={"a": BUSY, "b": BUSY, "c": BUSY}) == ["a", "b", "c"]


async def test_weights_are_shares(route: MakeRoute) -> None:
    routes = [route("a", weight=3), route("b", weight=1), route("c", weight=0)]
    first: Counter[str] = Counter()
    for _ in range(2000):
        chosen = await Selection(routes, is_weighted=True).next()
        assert chosen is not None
        first[chosen.provider] += 1

    assert first["c"] == 0
    assert 0.70 < first["a"] / 2000 < 0.80


async def test_other_routes_follow_where_one_of_weight_fails(route: MakeRoute) -> None:
    selection = Selection([route("a", weight=0), route("b", weight=5), route("c", weight=1)], is_weighted=True)
    asked = []
    while (chosen := await selection.next()) is not None:
        asked.append(chosen.provider)
        selection.failed(BUSY)

    assert (sorted(asked), asked[-1]) == (["a", "b", "c"], "a")


async def test_third_failure_in_a_row_cools_the_route_alone(route: MakeRoute) -> None:
    a, b = route("a"), route("b")

    asked = [await turn(a, b, failing={"a": BUSY}) for _ in range(4)]

    assert asked == [["a", "b"]] * 3 + [["b"]]
    assert not cooling.is_cooling(b, Clock.now)


async def test_success_in_between_ends_the_row(route: MakeRoute) -> None:
    a, b = route("a"), route("b")
    await fail(a, 2)
    await turn(a)
    await fail(a, 2)

    assert await turn(a, b) == ["a"]


@pytest.mark.parametrize("fault", [BAD_REQUEST, faults.internal(), Fault("x", "Too large.", status=413)])
async def test_what_the_client_or_we_did_cools_nothing(route: MakeRoute, fault: Fault) -> None:
    a, b = route("a"), route("b")

    await fail(a, 5, fault)

    assert await turn(a, b) == ["a"]


async def test_answers_that_break_off_cool_too(route: MakeRoute) -> None:
    a, b = route("a"), route("b")
    for _ in range(3):
        selection = Selection([a])
        await selection.next()
        selection.answered()
        selection.ended(is_completed=False, fault=IDLE, tokens=5)

    assert await turn(a, b) == ["b"]


async def test_one_turn_probes_when_the_time_is_over(route: MakeRoute, clock: Clock) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)
    clock.now += 31

    probe = Selection([a, b])
    probed = await probe.next()
    other = await turn(a, b)

    assert (probed, other) == (a, ["b"])


async def test_probe_that_answers_opens_the_route_at_once(route: MakeRoute, clock: Clock) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)
    clock.now += 31
    probe = Selection([a, b])
    await probe.next()

    probe.answered()

    assert await turn(a, b) == ["a"]


async def test_probe_that_fails_cools_for_the_whole_time(route: MakeRoute, clock: Clock) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)
    clock.now += 31

    probing = await turn(a, b, failing={"a": BUSY})
    clock.now += 29
    during = await turn(a, b)
    clock.now += 2
    after = await turn(a, b)

    assert (probing, during, after) == (["a", "b"], ["b"], ["a"])


@pytest.mark.parametrize("fault", [None, BAD_REQUEST], ids=["left", "client's fault"])
async def test_probe_without_a_verdict_leaves_it_to_the_next_turn(
    route: MakeRoute, clock: Clock, fault: Fault | None
) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)
    clock.now += 31
    probe = Selection([a, b])
    await probe.next()

    probe.ended(is_completed=False, fault=fault, tokens=None)

    assert await turn(a, b) == ["a"]


async def test_last_route_is_asked_although_it_cools(route: MakeRoute) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)
    await fail(b, 3)

    only = await turn(a, failing={"a": BUSY})
    both = await turn(a, b, failing={"a": BUSY, "b": BUSY})

    assert only == ["a"]
    assert both == ["a"]  # one of them, and the one that began to cool first


async def test_cooling_route_is_asked_when_the_others_have_failed(route: MakeRoute) -> None:
    a, b = route("a"), route("b")
    await fail(a, 3)

    assert await turn(a, b, failing={"b": BUSY}) == ["b", "a"]


async def test_route_that_cools_by_now_is_not_repeated_while_another_is_left(route: MakeRoute) -> None:
    a, b = route("a"), route("b")
    await fail(a, 2)
    selection = Selection([a, b])
    await selection.next()
    before = selection.is_given_up(a)

    selection.failed(BUSY)

    assert (before, selection.is_given_up(a), await selection.repeat(a)) == (False, True, False)


async def test_no_time_to_cool_means_never(route: MakeRoute, settings: Settings) -> None:
    settings.CHAT_COOL_DOWN_S = 0.0
    a, b = route("a"), route("b")
    await fail(a, 5)

    assert await turn(a, b) == ["a"]
