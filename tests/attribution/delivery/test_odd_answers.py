"""Answers that the platform should never give: each affects its own conversion at most, never others or the worker."""

import json
from typing import Any

import pytest

from attribution.models import Attempt, Attribution, Conversion
from tests.attribution.conftest import Pipeline

ODD = "0dd0dd0dd0dd0dd0"
NOT_THE_VENDORS = ("pending", "the answer is not Ocean Engine's")


def deliver_beside_another(pipeline: Pipeline, on: str, answer: str) -> Conversion:
    """The conversion that got this answer. Checks that another beside it is reported, no attempt lacking an outcome."""
    pipeline.fault(on, "status", status=200, body=answer, match={"device_id": ODD})
    odd = pipeline.report(user="odd", device={"android_id": ODD})
    beside = pipeline.report(user="beside")

    pipeline.deliver()

    odd.refresh_from_db()
    beside.refresh_from_db()
    assert beside.state == "reported"
    assert not Attempt.objects.filter(http_status=None).exists()
    return odd


@pytest.mark.parametrize("on", ["attribution", "conversion"])
@pytest.mark.parametrize(
    "answer",
    [
        '{"code": 2147483648}',
        '{"code": -1e99}',
        r'{"code": 0, "message": "half a pair \ud800"}',
        r'{"code": 0, "oaid": "\udfff"}',
        '{"code": 0, "x": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"code": 0, "x": ' + "[" * 20_000,
        "\0",
    ],
    ids=["large code", "small code", "surrogate", "surrogate id", "deep", "deep and cut", "nul"],
)
def test_answer_that_can_not_be_stored_or_read_is_tried_again(pipeline: Pipeline, on: str, answer: str) -> None:
    odd = deliver_beside_another(pipeline, on, answer)

    assert (odd.state, odd.detail) == NOT_THE_VENDORS
    assert odd.attempts.filter(outcome="unknown").count() == 1


@pytest.mark.parametrize(
    "callback", ["", None, "#fragment", "a\0b", "__CALLBACK_PARAM__", "0"], ids=lambda value: ascii(value)
)
def test_callback_that_nothing_can_be_reported_with_is_none(pipeline: Pipeline, callback: str | None) -> None:
    odd = deliver_beside_another(pipeline, "attribution", json.dumps({"code": 0, "callback_param": callback}))

    assert (odd.state, odd.reason) == ("organic", "no_click")


@pytest.mark.parametrize("active_time", [1, -1, 253402300799, 10**30, 1795406400000])
def test_time_of_another_unit_or_age_is_left_out(pipeline: Pipeline, active_time: int) -> None:
    callback = pipeline.device(ODD)["callback_param"]
    answer: dict[str, Any] = {"code": 0, "callback_param": callback, "active_time": active_time}
    odd = deliver_beside_another(pipeline, "attribution", json.dumps(answer | {"last_touch_time": active_time}))

    assert odd.state == "reported"
    attribution = Attribution.objects.get(user_id="odd")
    assert (attribution.activated_at, attribution.touched_at) == (odd.occurred_at, None)
