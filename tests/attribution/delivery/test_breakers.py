"""Circuit breakers and switches: one dead destination never slows the others, and nothing is lost by it."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from attribution.models import App, Conversion, Destination
from attribution.records import actions
from tests.attribution.conftest import Pipeline

DEAD, ALIVE = 1700000000000001, 1700000000000002


def report_for(pipeline: Pipeline, advertiser_id: int, count: int, *, first: int = 0) -> list[Conversion]:
    """Conversions of users of this advertiser, numbered from `first`."""
    found = []
    for number in range(first, first + count):
        device_id = f"{advertiser_id}{number:04x}"
        pipeline.device(device_id, advertiser_id=advertiser_id)
        found.append(pipeline.report(user=f"{advertiser_id}-{number}", device={"android_id": device_id}))
    return found


def states(found: list[Conversion]) -> set[tuple[str, str]]:
    rows = Conversion.objects.filter(pk__in=[each.pk for each in found])
    return set(rows.values_list("state", "reason"))


def test_dead_advertiser_is_held_and_others_are_reported(pipeline: Pipeline, settings: Settings) -> None:
    settings.BREAKER_FAILURES = 3
    pipeline.fault("conversion", "status", status=500, match={"advertiser_id": DEAD})
    first = report_for(pipeline, DEAD, 3)
    pipeline.deliver()
    dead, alive = report_for(pipeline, DEAD, 3, first=3), report_for(pipeline, ALIVE, 3)

    pipeline.deliver()

    assert states(first) == {("pending", "")}
    assert states(dead) == {("held", "breaker_open")}
    assert states(alive) == {("reported", "")}
    breaker = Destination.objects.get(key=str(DEAD))
    assert (breaker.failures, breaker.openings) == (3, 1)
    assert breaker.open_until == pipeline.now + timedelta(seconds=settings.BREAKER_OPEN_S)


def test_open_breaker_probes_with_a_few_uses_no_budget_and_opens_longer(pipeline: Pipeline, settings: Settings) -> None:
    settings.BREAKER_FAILURES = 1
    pipeline.fault("conversion", "status", status=500)
    report_for(pipeline, DEAD, 1)
    pipeline.deliver()
    held = report_for(pipeline, DEAD, 10, first=1)
    pipeline.deliver()
    sent_before = len(pipeline.ledger()["refused"])
    pipeline.wait(seconds=settings.BREAKER_OPEN_S + 10)

    pipeline.deliver()

    assert len(pipeline.ledger()["refused"]) - sent_before == 3
    rows = Conversion.objects.filter(pk__in=[each.pk for each in held])
    assert set(rows.values_list("state", "tries")) == {("held", 0)}
    breaker = Destination.objects.get(key=str(DEAD))
    assert breaker.open_until == pipeline.now + timedelta(seconds=2 * settings.BREAKER_OPEN_S)


def test_destination_that_never_comes_back_makes_dead_letters(pipeline: Pipeline, settings: Settings) -> None:
    settings.BREAKER_FAILURES = 1
    pipeline.fault("conversion", "status", status=500)
    found = report_for(pipeline, DEAD, 5)
    pipeline.deliver()
    for _hour in range(3 * 24 + 1):
        pipeline.deliver()
        pipeline.wait(hours=1)

    assert states(found) == {("failed", "budget_used_up")}


def test_first_answer_closes_the_breaker_and_releases_the_rest(pipeline: Pipeline, settings: Settings) -> None:
    settings.BREAKER_FAILURES = 1
    pipeline.fault("conversion", "status", status=500)
    report_for(pipeline, DEAD, 1)
    pipeline.deliver()
    held = report_for(pipeline, DEAD, 8)
    pipeline.deliver()
    pipeline.end_faults()
    pipeline.wait(seconds=settings.BREAKER_OPEN_S + 10)

    pipeline.deliver()

    assert states(held) == {("reported", "")}
    breaker = Destination.objects.get(key=str(DEAD))
    assert (breaker.failures, breaker.openings, breaker.open_until) == (0, 0, None)


def test_platform_that_is_down_for_two_hours_loses_nothing(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=502)
    pipeline.fault("attribution", "reset_before")
    found = [pipeline.report(user=f"u-{n}", device={"android_id": f"a{n:015x}"}) for n in range(20)]
    end_of_outage = pipeline.now + timedelta(hours=2)
    while pipeline.now < end_of_outage:
        pipeline.deliver()
        pipeline.wait(minutes=1)
    assert pipeline.reports() == []
    pipeline.end_faults()

    for _minute in range(30):
        pipeline.deliver()
        pipeline.wait(minutes=1)

    assert states(found) == {("reported", "")}
    assert pipeline.reports() == [("active", 1)] * 20


def test_destination_that_is_switched_off_holds_and_on_again_delivers(pipeline: Pipeline) -> None:
    report_for(pipeline, DEAD, 1)
    pipeline.deliver()
    Destination.objects.filter(key=str(DEAD)).update(is_enabled=False)
    [held] = report_for(pipeline, DEAD, 1, first=1)
    pipeline.deliver()
    assert states([held]) == {("held", "destination_switched_off")}
    assert actions.release_switched_on(pipeline.now) == 0
    Destination.objects.filter(key=str(DEAD)).update(is_enabled=True)

    released = actions.release_switched_on(pipeline.now)
    pipeline.deliver()

    assert released == 1
    assert states([held]) == {("reported", "")}


def test_app_that_is_switched_off_holds_and_on_again_delivers(pipeline: Pipeline) -> None:
    pipeline.app.is_reporting = False
    pipeline.app.save()
    held = pipeline.report()
    pipeline.deliver()
    assert states([held]) == {("held", "app_switched_off")}
    pipeline.app.is_reporting = True
    pipeline.app.save()

    actions.release_switched_on(pipeline.now)
    pipeline.deliver()

    assert states([held]) == {("reported", "")}


def test_app_with_a_package_of_one_store_only_releases_what_came_from_there(pipeline: Pipeline) -> None:
    App.objects.update(android_package="")
    of_store, of_none = pipeline.report(channel="huawei"), pipeline.report(user="u-2")
    pipeline.deliver()

    pipeline.app.channel_packages.create(channel="HuaWei", package="com.example.huawei")
    released = actions.release_switched_on(pipeline.now)
    pipeline.deliver()

    assert released == 1
    assert (states([of_store]), states([of_none])) == ({("reported", "")}, {("held", "no_package")})


def test_too_many_requests_pause_the_destination_and_do_not_open_its_breaker(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "retry_after", seconds=20, times=1)
    report_for(pipeline, ALIVE, 1)
    pipeline.deliver()
    waiting = report_for(pipeline, ALIVE, 2, first=1)
    pipeline.deliver()
    assert states(waiting) == {("held", "breaker_open")}
    assert Destination.objects.get(key=str(ALIVE)).failures == 0
    pipeline.wait(seconds=30)

    pipeline.deliver()

    assert states(waiting) == {("reported", "")}


def test_log_tells_of_breakers_and_refusals(
    pipeline: Pipeline, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BREAKER_FAILURES, settings.BREAKER_OPEN_S = 3, 0.001
    pipeline.fault("conversion", "status", status=500, match={"advertiser_id": DEAD})
    report_for(pipeline, DEAD, 3)
    pipeline.deliver()
    opened = caplog.messages.copy()
    pipeline.fault("conversion", "status", status=400, match={"advertiser_id": ALIVE})
    [refused] = report_for(pipeline, ALIVE, 1)
    pipeline.deliver()

    assert [line.partition(" until ")[0] for line in opened] == [f"The breaker of oceanengine {DEAD} has opened"]
    told = f"oceanengine refused conversion {refused.pk}: HTTP 400, code None"
    assert any(line.startswith(told) for line in caplog.messages)  # it may end with how many others were left out
