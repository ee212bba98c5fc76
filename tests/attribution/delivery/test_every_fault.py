"""Every fault that the sandbox can play, mixed, while all sorts of events come in: none is lost, all is explained.

`EVERY_FAULT_USERS=10000` makes it a long run (some minutes).
"""

import os
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Min
from pytest_django import Settings

from attribution.admin.pages.wording import REASONS
from attribution.events import intake
from attribution.events.reported import ReportedEvent
from attribution.models import Attempt, Conversion, Destination, State
from attribution.models.roll_ups import StateDay
from attribution.statistics import summing
from tests.attribution.conftest import Pipeline

USERS = int(os.environ.get("EVERY_FAULT_USERS", "250"))
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500}, {"kind": "status", "status": 503}, {"kind": "status", "status": 408},
    {"kind": "status", "status": 400}, {"kind": "status", "status": 401}, {"kind": "status", "status": 403},
    {"kind": "status", "status": 404, "body": "<html>not here</html>"},
    {"kind": "retry_after", "seconds": 7}, {"kind": "garbage"}, {"kind": "empty"},
    {"kind": "redirect", "location": "/elsewhere"}, {"kind": "reset_before"}, {"kind": "reset_after"},
    {"kind": "hang"}, {"kind": "hang_after"}, {"kind": "slow", "delay_s": 0.02}, {"kind": "huge", "bytes": 200_000},
    *({"kind": "error_in_200", "code": code, "message": "服务器繁忙"} for code in (99, 100, 103, 107, 40105, 50000)),
]  # fmt: skip
# A row in one of these waits for nobody.
ENDS = {State.REPORTED, State.ORGANIC, State.REJECTED, State.FAILED, State.SKIPPED}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    settings.OCEANENGINE_READ_TIMEOUT_S = settings.OCEANENGINE_TOTAL_TIMEOUT_S = 0.3
    return settings


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(3600)
def test_all_that_came_in_is_accounted_for(pipeline: Pipeline, settings: Settings) -> None:
    chance = random.Random(7)
    for fault in chance.choices(FAULTS, k=max(len(FAULTS), USERS // 4)):
        pipeline.fault(chance.choice(["conversion", "conversion", "attribution"]), times=chance.randint(1, 3), **fault)
    taken = take_in(pipeline, chance)

    deliver_all(pipeline)
    rows = {row.outer_event_id: row for row in Conversion.objects.all()}
    states = Counter(row.state for row in rows.values())
    summing.catch_up(pipeline.now)

    assert sum(states.values()) == taken == sum(StateDay.objects.values_list("conversions", flat=True))
    assert set(states) <= ENDS, "something waits for a person"
    assert [row.reason for row in rows.values() if row.state != State.REPORTED and row.reason not in REASONS] == []
    assert states[State.REPORTED] > taken / 2
    assert list(summing.verify(days=30, now=pipeline.now)) == []
    agrees_with_the_platform(pipeline, rows)


def take_in(pipeline: Pipeline, chance: random.Random) -> int:
    """Activations, registrations, payments without a device, repeats and pages; returns how many different events."""
    ids = set()
    for first in range(0, USERS, 100):
        events = [
            event for number in range(first, min(USERS, first + 100)) for event in events_of(pipeline, number, chance)
        ]
        chance.shuffle(events)
        ids |= {receipt.id for receipt in intake.receive(events, now=pipeline.now)}
        pipeline.wait(seconds=1)
    return len(ids)


def events_of(pipeline: Pipeline, number: int, chance: random.Random) -> list[ReportedEvent]:
    usual: dict[str, Any] = {"app_id": pipeline.app.pk, "user_id": f"u-{number}", "occurred_at": pipeline.now}
    phone = usual | {"os": "android", "device": {"android_id": f"{number:016x}"}}
    happened = [ReportedEvent(event="active", **phone)]
    if chance.random() < 0.5:
        happened.append(ReportedEvent(event="active_register", **phone))
    if chance.random() < 0.4:
        happened.append(ReportedEvent(event="active_pay", os="", amount_fen=648, outer_event_id=f"o-{number}", **usual))
    if chance.random() < 0.2:
        happened.append(happened[0])
    if chance.random() < 0.1:
        page = usual | {"user_id": f"page-{number}", "os": "", "device": {"callback": f"clickid-{number:020}"}}
        happened.append(ReportedEvent(event="form", **page))
    return happened


def deliver_all(pipeline: Pipeline) -> None:
    """Let time pass until nothing waits any more; breakers open and close on the way."""
    for _round in range(2_000):
        pipeline.deliver()
        due_at = Conversion.objects.aggregate(Min("due_at"))["due_at__min"]
        if due_at is None:
            return
        pipeline.now = max(pipeline.now + timedelta(seconds=1), due_at)
    waiting = Conversion.objects.filter(due_at__isnull=False).values_list("state", "reason", "detail")
    raise AssertionError(f"still due: {Counter(waiting)}")


def agrees_with_the_platform(pipeline: Pipeline, rows: dict[str, Conversion]) -> None:
    """What is reported is there once, and what is there is reported, or shown as sent with an unknown outcome."""
    there = {found["outer_event_id"]: found for found in pipeline.ledger()["conversions"]}
    unknown = set(
        Attempt.objects.filter(kind=Attempt.Kind.REPORT, outcome=Attempt.Outcome.UNKNOWN).values_list(
            "conversion__outer_event_id", flat=True
        )
    )
    reported = {key for key, row in rows.items() if row.state == State.REPORTED}

    assert reported - there.keys() == set(), "reported, and not there"
    assert there.keys() - reported - unknown == set(), "there, and neither reported nor unknown"
    assert {key for key, found in there.items() if found["sends"] > 1} - unknown == set(), "sent twice without a reason"
    assert [key for key, found in there.items() if not found["identical_bodies"]] == []
    assert not Destination.objects.filter(failures__gt=50).exists()
