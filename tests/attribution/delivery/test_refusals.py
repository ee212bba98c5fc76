"""The platform's refusals: retried, final, or our token's fault; and how a finished record is revived."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from attribution.models import Attribution, Conversion, Destination
from tests.attribution.conftest import ANDROID_ID, Pipeline

BUSY = {"code": 99, "message": "服务器繁忙"}
ORGANIC = {"android_id": "organic-1"}


def fate(conversion: Conversion) -> tuple[str, str]:
    conversion.refresh_from_db()
    return conversion.state, conversion.reason


def outcomes(conversion: Conversion, kind: str = "report") -> list[str]:
    return list(conversion.attempts.filter(kind=kind).order_by("started_at", "id").values_list("outcome", flat=True))


def exhaust(pipeline: Pipeline, conversion: Conversion) -> list[int]:
    """Deliver until nothing is due; returns the pauses between the attempts, in seconds."""
    pipeline.deliver()
    pauses = []
    conversion.refresh_from_db()
    while conversion.due_at:
        pauses.append(round((conversion.due_at - pipeline.now).total_seconds()))
        pipeline.deliver_when_due(conversion)
    return pauses


@pytest.mark.parametrize("code", [99, 100, 101, 40001, 50000, -1])
@pytest.mark.parametrize("on", ["conversion", "attribution"])
def test_code_other_than_success_is_tried_again(pipeline: Pipeline, on: str, code: int) -> None:
    pipeline.fault(on, "error_in_200", code=code, message="服务器繁忙", times=2)
    conversion = pipeline.report()
    pipeline.deliver()
    first = (fate(conversion), conversion.detail)

    pauses = exhaust(pipeline, conversion)

    assert first == (("pending", ""), f"code {code}: 服务器繁忙")
    assert fate(conversion) == ("reported", "")
    assert len(pauses) == 2
    bodies = set(conversion.attempts.filter(kind="report").values_list("request", flat=True))
    assert (len(bodies), pipeline.reports()) == (1, [("active", 1)])


@pytest.mark.parametrize(("on", "reason"), [("conversion", "report_rejected"), ("attribution", "lookup_rejected")])
def test_code_to_the_last_try_is_a_refusal(pipeline: Pipeline, on: str, reason: str) -> None:
    pipeline.fault(on, "error_in_200", **BUSY)
    conversion = pipeline.report()

    pauses = exhaust(pipeline, conversion)

    assert fate(conversion) == ("rejected", reason)
    assert conversion.detail == "code 99: 服务器繁忙"
    limits = [(4, 6), (48, 72), (480, 720), (2160, 3240)]
    assert [low <= pause <= high for pause, (low, high) in zip(pauses, limits, strict=True)] == [True] * 4
    assert outcomes(conversion, "report" if on == "conversion" else "lookup") == ["rejected"] * 5


def test_refusals_have_a_budget_of_their_own(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=503, times=6)
    pipeline.fault("conversion", "error_in_200", **BUSY, times=4)
    conversion = pipeline.report()

    exhaust(pipeline, conversion)

    assert fate(conversion) == ("reported", "")


@pytest.mark.parametrize("code", [103, 107])
def test_code_that_the_vendors_table_calls_final_is_a_refusal_at_once(pipeline: Pipeline, code: int) -> None:
    pipeline.fault("conversion", "error_in_200", code=code, message="callback 已过期")
    conversion = pipeline.report()

    pipeline.deliver()

    assert (fate(conversion), conversion.due_at) == (("rejected", "report_rejected"), None)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 401},
        {"kind": "status", "status": 403},
        *({"kind": "error_in_200", "code": code, "message": "access_token 已过期"} for code in (
            40002, 40101, 40102, 40103, 40104, 40105, 40107
        )),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("on", ["conversion", "attribution"])
def test_token_that_is_refused_holds_the_destination_until_it_answers_again(
    pipeline: Pipeline, settings: Settings, on: str, fault: dict[str, str]
) -> None:
    pipeline.fault(on, **fault)
    first = pipeline.report()
    pipeline.deliver()
    breaker = Destination.objects.filter(failures__gt=0).get()
    second = pipeline.report("active_register")
    pipeline.deliver()
    held = fate(first), fate(second)
    refused = len(pipeline.ledger()["refused"])

    pipeline.end_faults()
    pipeline.wait(seconds=settings.BREAKER_OPEN_S + 6)
    pipeline.deliver()

    assert held == (("held", "unauthorised"), ("held", "breaker_open"))
    assert (breaker.open_until, refused) == (pipeline.now - timedelta(seconds=6), 1)
    assert (fate(first), fate(second)) == (("reported", ""), ("reported", ""))
    assert (first.tries, Destination.objects.filter(failures__gt=0).exists()) == (0, False)


def test_record_of_a_destination_that_never_lets_us_in_becomes_a_dead_letter(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=401)
    conversion = pipeline.report()
    pipeline.deliver()
    pipeline.wait(days=3, hours=1)

    pipeline.deliver()

    assert fate(conversion) == ("failed", "budget_used_up")


def test_refused_event_that_is_posted_again_is_sent_again(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "error_in_200", **BUSY)
    conversion = pipeline.report()
    exhaust(pipeline, conversion)
    pipeline.end_faults()

    again = pipeline.report()
    seen = (again.pk, again.state, again.due_at)
    pipeline.deliver()

    assert seen == (conversion.pk, "pending", pipeline.now)
    assert fate(conversion) == ("reported", "")
    assert len({attempt.request for attempt in conversion.attempts.filter(kind="report")}) == 1


def test_event_that_waits_is_due_at_once_when_it_is_posted_again(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "error_in_200", **BUSY, times=2)
    pipeline.report()
    pipeline.deliver()
    pipeline.wait(seconds=1)
    pipeline.report()
    pipeline.deliver()

    again = pipeline.report()
    pipeline.deliver()

    assert fate(again) == ("reported", "")


def test_dead_letter_that_is_posted_again_is_sent_with_the_identical_body(
    pipeline: Pipeline, settings: Settings
) -> None:
    settings.CONVERSION_RETRY_DELAYS_S = []
    pipeline.fault("conversion", "reset_after", times=1)
    conversion = pipeline.report()
    pipeline.deliver()
    assert fate(conversion) == ("failed", "budget_used_up")

    pipeline.report()
    pipeline.deliver()

    assert fate(conversion) == ("reported", "")
    [found] = pipeline.ledger()["conversions"]
    assert (found["sends"], found["identical_bodies"]) == (2, True)


def test_organic_user_whose_event_is_posted_again_is_asked_about_at_once(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID, after_lookups=1)
    conversion = pipeline.report()
    pipeline.deliver()
    pipeline.wait(seconds=30)

    again = pipeline.report()
    pipeline.deliver()

    assert (again.state, again.due_at) == ("organic", pipeline.now)
    assert fate(conversion) == ("reported", "")


def test_repeats_of_an_organic_event_do_not_use_up_its_look_ups(pipeline: Pipeline) -> None:
    conversion = pipeline.report(device=ORGANIC)
    pipeline.deliver()
    for _repeat in range(8):
        pipeline.wait(seconds=30)
        pipeline.report(device=ORGANIC)
        pipeline.deliver()

    conversion.refresh_from_db()
    assert (conversion.lookups, conversion.due_at is None) == (1, False)


def test_organic_user_who_has_been_given_up_is_asked_about_again(pipeline: Pipeline) -> None:
    conversion = pipeline.report(device={"android_id": "organic-late"})
    exhaust(pipeline, conversion)
    asked = len(pipeline.ledger()["lookups"])
    pipeline.device("organic-late", attributed=True)
    pipeline.wait(minutes=1)

    pipeline.report(device={"android_id": "organic-late"})
    pipeline.deliver()

    assert (asked, fate(conversion)) == (6, ("reported", ""))


@pytest.mark.parametrize("reason", ["outcome_unknown", "by_hand"])
def test_what_may_count_twice_or_was_given_up_by_a_person_is_left_alone(pipeline: Pipeline, reason: str) -> None:
    conversion = pipeline.report()
    Conversion.objects.update(state="failed", reason=reason, due_at=None, finished_at=pipeline.now)

    again = pipeline.report()

    assert (again.pk, again.state, again.due_at) == (conversion.pk, "failed", None)


def test_payment_of_another_amount_revives_nothing(pipeline: Pipeline) -> None:
    Conversion.objects.filter(pk=pipeline.report("active_pay").pk).update(
        state="rejected", due_at=None, finished_at=pipeline.now
    )

    again = pipeline.report("active_pay", amount_fen=5)

    assert again.state == "rejected"


def test_later_attribution_of_the_user_revives_what_was_not_reported(pipeline: Pipeline, settings: Settings) -> None:
    settings.CONVERSION_REFUSAL_DELAYS_S = []
    pipeline.fault("attribution", "error_in_200", code=50000, message="系统错误", times=1)
    activation = pipeline.report()
    pipeline.deliver()
    refused = fate(activation)
    pipeline.wait(minutes=5)

    pipeline.report("active_register")
    pipeline.deliver()

    assert refused == ("rejected", "lookup_rejected")
    assert fate(activation) == ("reported", "")
    assert sorted(pipeline.reports()) == [("active", 1), ("active_register", 1)]


def test_refused_look_up_does_not_make_a_user_organic_meanwhile(pipeline: Pipeline) -> None:
    pipeline.fault("attribution", "error_in_200", **BUSY, times=1)
    pipeline.report()

    pipeline.deliver()

    assert not Attribution.objects.exists()
