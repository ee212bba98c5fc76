"""Alerts about deliveries, from the rows that deliveries leave."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.models import App, Conversion, Destination
from foundation.alerts import rounds
from foundation.alerts.models import Channel, Notice
from foundation.hooks import alerts
from tests.attribution.conftest import Pipeline

KINDS = ["breaker", "refusals", "dead_letters", "backlog"]


def found(pipeline: Pipeline, kind: str, threshold: int | None = None) -> list[dict[str, Any]]:
    """The causes, with their text in English; checks that each one's page opens."""
    watch = alerts.watches()[kind]
    causes = list(watch.check(watch.threshold if threshold is None else threshold, pipeline.now))
    return [
        {
            "key": cause.key,
            "path": cause.path,
            "text": str(watch.text) % {**watch.name(cause.words), "number": cause.number},
        }
        for cause in causes
    ]


def break_down(pipeline: Pipeline) -> None:
    """Let the attribution query fail until its breaker opens."""
    pipeline.fault("attribution", "status", status=503)
    for number in range(5):
        pipeline.report(user=f"u-{number}")
    pipeline.deliver()


def test_jobs_register_what_they_watch() -> None:
    assert {"worker", "beat", "redis", *KINDS} <= set(alerts.watches())


def test_all_is_well_where_all_is_delivered(pipeline: Pipeline) -> None:
    pipeline.report()
    pipeline.deliver()

    assert {kind: found(pipeline, kind) for kind in KINDS} == {kind: [] for kind in KINDS}


def test_open_breaker_names_its_destination_and_error(pipeline: Pipeline) -> None:
    break_down(pipeline)

    [cause] = found(pipeline, "breaker")

    destination = Destination.objects.get()
    assert cause == {
        "key": "oceanengine/attribution",
        "path": f"/admin/attribution/destination/{destination.pk}/change/",
        "text": "The breaker of Ocean Engine attribution is open after 5 failures in a row; reports are held. "
        "Last error: HTTP 503",
    }
    assert found(pipeline, "breaker", threshold=2) == []


def test_equal_ids_of_two_platforms_are_two_breakers(pipeline: Pipeline) -> None:
    for platform in ("oceanengine", "made_up"):
        Destination.objects.create(platform=platform, key="7", failures=5, openings=1)

    assert [cause["key"] for cause in found(pipeline, "breaker")] == ["made_up/7", "oceanengine/7"]


def test_breaker_that_closed_is_none(pipeline: Pipeline) -> None:
    break_down(pipeline)
    pipeline.end_faults()
    pipeline.wait(minutes=1)
    pipeline.deliver()

    assert found(pipeline, "breaker") == []


def test_destination_that_is_switched_off_is_nobodys_fault(pipeline: Pipeline) -> None:
    break_down(pipeline)
    Destination.objects.update(is_enabled=False)

    assert found(pipeline, "breaker") == []


def test_refusals_are_told_by_advertiser(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=400)
    for number in range(3):
        pipeline.report(user=f"u-{number}")
        pipeline.deliver()
    advertiser = Conversion.objects.values_list("advertiser_id", flat=True).distinct().get()

    [cause] = found(pipeline, "refusals", threshold=3)

    assert cause["key"] == f"oceanengine/{advertiser}"
    assert (
        cause["path"] == f"/admin/attribution/conversion/?state=rejected&platform=oceanengine&advertiser={advertiser}"
    )
    assert cause["text"].startswith(f"3 send records of Ocean Engine advertiser {advertiser} were refused within a day")
    assert found(pipeline, "refusals", threshold=4) == []
    pipeline.wait(days=1, seconds=1)
    assert found(pipeline, "refusals", threshold=3) == []


def test_dead_letters_are_told_until_they_are_dealt_with(pipeline: Pipeline) -> None:
    conversion = pipeline.report()
    Conversion.objects.filter(pk=conversion.pk).update(state="failed", due_at=None)

    [cause] = found(pipeline, "dead_letters")

    assert cause["path"] == "/admin/attribution/conversion/?state=failed"
    Conversion.objects.update(state="reported")
    assert found(pipeline, "dead_letters") == []


def test_backlog_is_told_by_how_late_the_oldest_is(pipeline: Pipeline) -> None:
    pipeline.report()
    pipeline.wait(minutes=9)
    pipeline.report(user="u-2")
    in_time = found(pipeline, "backlog")
    pipeline.wait(minutes=3)

    assert in_time == []
    assert [cause["text"] for cause in found(pipeline, "backlog")] == [
        "2 send records are due; the oldest has been waiting for 12 minutes."
    ]


def test_what_is_put_off_is_no_backlog(pipeline: Pipeline) -> None:
    break_down(pipeline)

    assert found(pipeline, "backlog", threshold=1) == []


def test_pages_of_causes_open(pipeline: Pipeline, admin_client: Client) -> None:
    break_down(pipeline)
    Conversion.objects.filter(pk=pipeline.report(user="u-9").pk).update(state="failed", due_at=None)
    Conversion.objects.filter(pk=pipeline.report(user="u-8").pk).update(state="rejected", due_at=None, advertiser_id=7)
    pipeline.report(user="u-7")
    pipeline.wait(minutes=30)

    pages = [cause["path"] for kind in KINDS for cause in found(pipeline, kind, threshold=1)]

    assert len(pages) == 4
    assert [admin_client.get(page).status_code for page in pages] == [200] * 4


def test_breaker_goes_from_the_row_to_a_message_and_its_all_clear(pipeline: Pipeline) -> None:
    Channel.objects.create(name="ops", kind="webhook")
    break_down(pipeline)
    rounds.look(pipeline.now)
    notices = Notice.objects.filter(
        incident__rule__watch="breaker"
    )  # whether a worker is alive does not matter in this test
    began = notices.get()
    notices.update(state="sent")
    pipeline.end_faults()
    pipeline.wait(minutes=1)
    pipeline.deliver()
    rounds.look(pipeline.now + timedelta(minutes=2))

    assert (began.event, began.incident.rule.watch, began.incident.key) == (
        "began",
        "breaker",
        "oceanengine/attribution",
    )
    assert list(notices.order_by("pk").values_list("event", flat=True)) == ["began", "over"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_checks_read_the_large_table_by_index_only(kind: str) -> None:
    watch = alerts.watches()[kind]
    app = App.objects.create(slug="demo")
    Conversion.objects.bulk_create(  # for an empty table PostgreSQL may choose any index
        Conversion(
            app=app,
            dedup_key=uuid.uuid4(),
            user_id="u-1",
            event="active",
            os="android",
            state="reported",
            occurred_at=Pipeline.now,
            received_at=Pipeline.now - timedelta(minutes=number),
            give_up_at=Pipeline.now,
        )
        for number in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE attribution_conversion")
        cursor.execute("SET LOCAL enable_seqscan = off")
        with CaptureQueriesContext(connection) as captured:
            list(watch.check(1, Pipeline.now))
        for query in captured:
            if "attribution_conversion" in query["sql"]:
                cursor.execute(f"EXPLAIN {query['sql']}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
                assert "conversion_queue" in plan or "conversion_by_state" in plan, plan
                assert "Seq Scan" not in plan
