"""What people do with conversions: resend, hold, release."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from attribution import purging
from attribution.models import Conversion
from attribution.records import actions
from tests.attribution.conftest import Pipeline


@pytest.fixture
def marketer(db: None) -> User:
    return User.objects.create(username="marketer")


@pytest.mark.parametrize("times", [1, 2])
def test_resend_is_an_attempt_with_user_and_reason(pipeline: Pipeline, marketer: User, times: int) -> None:
    pipeline.fault("conversion", "status", status=400, times=times)
    conversion = pipeline.report()
    pipeline.deliver()

    for number in range(times):
        rows = Conversion.objects.filter(pk=conversion.pk)
        assert actions.resend(rows, by=marketer, reason=f"try {number}", now=pipeline.now) == 1
        pipeline.deliver()

    conversion.refresh_from_db()
    attempts = conversion.attempts.filter(kind="report").order_by("started_at", "id")
    assert conversion.state == "reported"
    assert list(attempts.values_list("resent_by__username", "resend_reason")) == [
        (None, ""),
        *(("marketer", f"try {number}") for number in range(times)),
    ]
    assert len(set(attempts.values_list("request", flat=True))) == 1


def test_resend_of_a_dead_letter_has_a_fresh_budget(pipeline: Pipeline, marketer: User) -> None:
    conversion = pipeline.report()
    Conversion.objects.update(state="failed", due_at=None, tries=10, give_up_at=pipeline.now)
    pipeline.wait(days=10)

    actions.resend(Conversion.objects.all(), by=marketer, reason="platform is back", now=pipeline.now)

    conversion.refresh_from_db()
    assert (conversion.state, conversion.tries, conversion.due_at) == ("pending", 0, pipeline.now)
    assert conversion.give_up_at > pipeline.now


def test_resend_of_an_organic_event_asks_again(pipeline: Pipeline, marketer: User) -> None:
    conversion = pipeline.report(device={"android_id": "organic-9"})
    pipeline.deliver()
    pipeline.device("organic-9", attributed=True)
    pipeline.wait(seconds=30)

    actions.resend(Conversion.objects.all(), by=marketer, reason="came by an ad", now=pipeline.now)
    pipeline.deliver()

    conversion.refresh_from_db()
    assert conversion.state == "reported"


def test_held_by_hand_stays_until_it_is_released(pipeline: Pipeline) -> None:
    conversion = pipeline.report()
    assert actions.hold(Conversion.objects.all()) == 1
    pipeline.wait(days=1)
    assert pipeline.deliver() == 0
    assert actions.release_switched_on(pipeline.now) == 0

    assert actions.release(Conversion.objects.all(), now=pipeline.now) == 1
    pipeline.deliver()

    conversion.refresh_from_db()
    assert conversion.state == "reported"


def test_resend_leaves_alone_what_has_no_device_ids_any_more(pipeline: Pipeline, marketer: User) -> None:
    pipeline.report()
    pipeline.deliver()
    purging.erase_device_ids(pipeline.now + timedelta(days=91))

    count = actions.resend(Conversion.objects.all(), by=marketer, reason="lost", now=pipeline.now)

    assert (count, Conversion.objects.get().state) == (0, "reported")


def test_row_in_a_workers_hands_is_left_alone(pipeline: Pipeline, marketer: User) -> None:
    pipeline.report()
    Conversion.objects.update(lease_token=uuid.uuid4())

    counts = [
        actions.hold(Conversion.objects.all()),
        actions.resend(Conversion.objects.all(), by=marketer, reason="", now=pipeline.now),
    ]

    assert counts == [0, 0]
