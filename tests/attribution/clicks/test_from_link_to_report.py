"""From a call of the monitor link to what the platform is told, over HTTP but for the worker."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from attribution.delivery import rounds
from attribution.models import App, Attribution, Click, Conversion
from attribution.models.roll_ups import ClickDay
from attribution.statistics import summing
from tests.attribution.clicks.test_tracking import call
from tests.attribution.conftest import Pipeline, server_client

# Clicks and events are stored in threads with connections of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

OAID = "5f3d8c1e-7b2a-4d9f-8e6c-1a2b3c4d5e6f"
PHONE = {"os": "harmony", "oaid": OAID}


def touch(pipeline: Pipeline, *, minutes_ago: int, **parameters: Any) -> str:
    """Call the monitor link; returns the callback."""
    callback: str = pipeline.device(f"d-{minutes_ago}", advertiser_id=1700000000000001)["callback_param"]
    at = timezone.now() - timedelta(minutes=minutes_ago)
    given = {"callback_param": callback, "ts": int(at.timestamp() * 1000), "oaid": OAID, "os": "2", **parameters}
    [(status, _body)] = call(f"/track/oceanengine/{pipeline.app.monitor_token}/?{urlencode(given)}")
    assert status == 200
    return callback


def activate(pipeline: Pipeline, **fields: Any) -> Conversion:
    event = {"event": "active", "user_id": "u-1", **PHONE, **fields}
    answer = server_client(pipeline.app).post("/api/events/", event, format="json")
    assert answer.status_code == 202, answer.json()
    rounds.deliver_due(budget_s=60, clock=timezone.now)
    return Conversion.objects.get()


@pytest.mark.parametrize("os", ["harmony", 2])
def test_phone_with_harmony_is_found_by_its_oaid(pipeline: Pipeline, os: object) -> None:
    App.objects.update(android_package="")
    callback = touch(pipeline, minutes_ago=5)

    row = activate(pipeline, os=os)

    assert (row.state, row.os, Click.objects.get().os) == ("reported", "harmony", "harmony")
    [sent] = pipeline.ledger()["conversions"]
    assert sent["body"]["context"] == {
        "ad": {"callback": callback, "match_type": 0},
        "device": {"platform": "harmony", "oaid": OAID},
    }
    assert pipeline.ledger()["lookups"] == []


@pytest.mark.parametrize(
    ("touches", "winner", "number"),
    [
        ([("impression", 1)], "impression", 1),
        ([("1", 1)], "impression", 1),
        ([("play", 1)], "play", 2),
        ([("impression", 1), ("play", 2)], "play", 2),
        ([("impression", 1), ("play", 2), ("click", 3)], "click", 0),
    ],
)
def test_platform_is_told_what_brought_the_user(
    pipeline: Pipeline, touches: list[tuple[str, int]], winner: str, number: int
) -> None:
    callbacks = [touch(pipeline, minutes_ago=ago, match_type=match_type) for match_type, ago in touches]

    row = activate(pipeline)

    [sent] = pipeline.ledger()["conversions"]
    attribution = Attribution.objects.get()
    assert (row.state, attribution.match_type, attribution.source) == ("reported", winner, "click")
    assert sent["body"]["context"]["ad"] == {"callback": callbacks[-1], "match_type": number}


def test_views_are_no_clicks_in_the_statistics(pipeline: Pipeline) -> None:
    for match_type in ("impression", "play", "click"):
        touch(pipeline, minutes_ago=1, match_type=match_type)

    summing.catch_up(timezone.now())

    assert list(ClickDay.objects.values_list("clicks", flat=True)) == [1]
