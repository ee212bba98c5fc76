"""Actions on many send records: in batches, and exact no matter how often they are interrupted."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test import Client

from attribution.models import App, Conversion
from attribution.models.bulk_actions import BulkAction
from attribution.records import actions, batches
from tests.attribution.conftest import NOW, Pipeline

Kind = BulkAction.Kind


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)


@pytest.fixture
def marketer(db: None) -> User:
    return User.objects.create(username="marketer")


@pytest.fixture
def failed(pipeline: Pipeline) -> Pipeline:
    """Five dead letters, two of them from the same moment."""
    App.objects.update(activates_once_per_callback=False)  # they are of one phone
    for number in range(5):
        pipeline.now = NOW - timedelta(hours=number // 2)
        pipeline.report(user=f"u-{number}")
    Conversion.objects.update(state="failed", reason="budget_used_up", due_at=None, tries=10)
    pipeline.now = NOW
    return pipeline


def ask(marketer: User, kind: Kind = Kind.RESEND, query: str = "state=failed") -> BulkAction:
    return batches.ask(kind, query, by=marketer, reason="platform is back", now=NOW)


def states() -> list[str]:
    return sorted(Conversion.objects.values_list("state", flat=True))


def test_all_that_match_are_resent_once(failed: Pipeline, marketer: User) -> None:
    failed.report(user="another")
    Conversion.objects.filter(user_id="another").update(state="rejected", due_at=None)

    action = batches.resume(ask(marketer).pk, budget_s=10, now=NOW)

    assert (action.seen, action.changed, action.finished_at) == (5, 5, NOW)
    assert states() == ["pending"] * 5 + ["rejected"]
    failed.deliver()
    assert {sends for _event, sends in failed.reports()} == {1}
    assert len(failed.reports()) == 5


def test_interrupted_action_goes_on_where_it_was(failed: Pipeline, marketer: User) -> None:
    action = ask(marketer)

    counts = []
    for _ in range(3):
        counts.append(batches.resume(action.pk, budget_s=0, now=NOW).changed)
        failed.deliver()  # a resent record is no longer a candidate, even if it fails again
        Conversion.objects.filter(state="reported").update(state="failed")

    assert counts == [2, 4, 5]
    assert [sends for _event, sends in failed.reports()] == [1] * 5


def test_batch_that_dies_is_rolled_back_with_its_progress(failed: Pipeline, marketer: User) -> None:
    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('UPDATE "attribution_bulkaction"'):  # the records have changed, the progress has not
            raise SystemExit
        return execute(sql, params, many, context)

    action = ask(marketer)
    batches.resume(action.pk, budget_s=0, now=NOW)
    with connection.execute_wrapper(die), pytest.raises(SystemExit):
        batches.resume(action.pk, budget_s=0, now=NOW)
    assert states() == ["failed"] * 3 + ["pending"] * 2

    done = batches.resume(action.pk, budget_s=10, now=NOW)

    assert (done.seen, done.changed) == (5, 5)


def test_sweep_finishes_what_was_left_behind(failed: Pipeline, marketer: User) -> None:
    ask(marketer)
    ask(marketer, Kind.HOLD, "state=pending")

    progress = batches.resume_all(budget_s=10, now=NOW)

    assert progress == (2, True)
    assert not BulkAction.objects.filter(finished_at=None).exists()
    assert states() == ["held"] * 5


def test_stopped_action_stays_where_it_is(failed: Pipeline, marketer: User) -> None:
    action = ask(marketer)
    batches.resume(action.pk, budget_s=0, now=NOW)

    batches.stop(action.pk, now=NOW)
    batches.resume_all(budget_s=10, now=NOW)

    action.refresh_from_db()
    assert (action.changed, action.is_stopped) == (2, True)
    assert states() == ["failed"] * 3 + ["pending"] * 2


def test_what_comes_later_is_not_meant(failed: Pipeline, marketer: User) -> None:
    action = ask(marketer, Kind.HOLD, "state=pending")
    failed.now = NOW + timedelta(seconds=1)
    failed.report(user="late")

    batches.resume(action.pk, budget_s=10, now=failed.now)

    assert Conversion.objects.get(user_id="late").state == "pending"


def test_days_choose_by_the_day_of_the_event(failed: Pipeline, marketer: User) -> None:
    Conversion.objects.filter(user_id="u-4").update(occurred_at=NOW - timedelta(days=2))

    action = batches.resume(ask(marketer, query="until=2026-11-22").pk, budget_s=10, now=NOW)

    assert action.changed == 1
    assert Conversion.objects.get(state="pending").user_id == "u-4"


def test_broken_watch_does_not_keep_others_waiting(
    failed: Pipeline, marketer: User, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ask(marketer)
    BulkAction.objects.filter(pk=broken.pk).update(query="filter=gone")
    ask(marketer)

    batches.resume_all(budget_s=10, now=NOW)

    assert states() == ["pending"] * 5
    assert f"Bulk action {broken.pk} broke" in caplog.text


def test_action_has_a_reason(db: None, marketer: User) -> None:
    with pytest.raises(IntegrityError):
        BulkAction.objects.create(kind=Kind.HOLD, asked_by=marketer, asked_at=NOW)


def test_large_action_goes_on_in_a_worker_and_shows_its_progress(
    failed: Pipeline, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attribution.admin.records.AT_ONCE_S", 0)

    page = admin_client.post(
        "/admin/attribution/conversion/act/resend/?state=failed", {"reason": "platform is back"}, follow=True
    )
    going_on = page.content.decode()
    batches.resume_all(budget_s=10, now=NOW)
    done = admin_client.get(page.redirect_chain[-1][0]).content.decode()

    assert "2 are sent again." in going_on
    assert "Stop here" in going_on
    assert 'hx-trigger="every 1s"' in going_on
    assert "5 are sent again." in done
    assert "every 1s" not in done


def test_page_asks_about_as_many_as_there_are(failed: Pipeline, admin_client: Client) -> None:
    Conversion.objects.filter(user_id="u-1").update(lease_token="0190c2a4-0000-7000-8000-000000000000")

    page = admin_client.get("/admin/attribution/conversion/act/resend/?state=failed")

    assert (str(page.context["count"]), str(page.context["total"])) == ("4", "5")
    assert "left alone" in page.content.decode()


def test_resend_belongs_to_nobody_after_an_answer(pipeline: Pipeline, marketer: User) -> None:
    """The platform is asked about an organic user again automatically; that attempt is not attributed to the person."""
    conversion = pipeline.report(device={"android_id": "organic-1"})
    pipeline.deliver()
    pipeline.wait(seconds=30)
    actions.resend(Conversion.objects.all(), by=marketer, reason="look again", now=pipeline.now)
    pipeline.deliver()

    pipeline.deliver_when_due(conversion)

    attempts = conversion.attempts.order_by("started_at").values_list("resend_reason", flat=True)
    assert list(attempts) == ["", "look again", ""]
