"""One phone, two user ids: the platform hears of one activation per callback, unless the app says otherwise."""

import threading

import pytest
from django.db import close_old_connections

from attribution.models import App, CallbackUse, Conversion
from tests.attribution.conftest import Pipeline


def fates(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    rows = Conversion.objects.filter(event="active")
    return {row.user_id: (row.state, row.reason) for row in rows}


def test_second_user_of_a_phone_is_not_activated_again(pipeline: Pipeline) -> None:
    pipeline.report(user="u-1")
    pipeline.deliver()
    second, payment = pipeline.report(user="u-2"), pipeline.report("active_pay", user="u-2")

    pipeline.deliver()

    second.refresh_from_db()
    assert (second.state, second.reason) == ("skipped", "callback_already_used")
    assert (second.detail, second.due_at) == ("User u-1 was activated with it", None)
    assert second.attribution is not None
    payment.refresh_from_db()
    assert payment.state == "reported"
    assert sorted(pipeline.reports()) == [("active", 1), ("active_pay", 1)]


def test_two_users_in_one_batch_are_one_activation(pipeline: Pipeline) -> None:
    pipeline.report(user="u-1")
    pipeline.report(user="u-2")

    pipeline.deliver()

    assert sorted(fates(pipeline).values()) == [("reported", ""), ("skipped", "callback_already_used")]
    assert pipeline.reports() == [("active", 1)]


def test_app_may_count_every_user(pipeline: Pipeline) -> None:
    App.objects.update(activates_once_per_callback=False)
    pipeline.report(user="u-1")
    pipeline.report(user="u-2")

    pipeline.deliver()

    assert set(fates(pipeline).values()) == {("reported", "")}
    assert not CallbackUse.objects.exists()


def test_other_phone_has_another_callback(pipeline: Pipeline) -> None:
    pipeline.report(user="u-1")
    pipeline.report(user="u-2", device={"android_id": "another"})

    pipeline.deliver()

    assert set(fates(pipeline).values()) == {("reported", "")}


def test_retry_of_the_first_activation_keeps_its_callback(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=503, times=1)
    first = pipeline.report(user="u-1")
    pipeline.deliver()
    pipeline.report(user="u-2")
    pipeline.deliver()

    pipeline.deliver_when_due(first)

    assert fates(pipeline) == {"u-1": ("reported", ""), "u-2": ("skipped", "callback_already_used")}


def test_callback_of_a_refused_activation_is_free_again(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "error_in_200", code=103, times=1)
    first = pipeline.report(user="u-1")
    pipeline.deliver()
    pipeline.report(user="u-2")
    pipeline.deliver()

    pipeline.report(user="u-1")
    pipeline.deliver()

    assert fates(pipeline) == {"u-1": ("skipped", "callback_already_used"), "u-2": ("reported", "")}
    assert CallbackUse.objects.get().conversion_id != first.pk


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_report_one_activation(pipeline: Pipeline) -> None:
    users = [f"u-{number}" for number in range(8)]
    for user in users:
        pipeline.report(user=user)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        pipeline.deliver()
        close_old_connections()

    threads = [threading.Thread(target=work) for _worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipeline.deliver()

    assert sorted(fates(pipeline).values()) == [("reported", ""), *[("skipped", "callback_already_used")] * 7]
    assert pipeline.reports() == [("active", 1)]
