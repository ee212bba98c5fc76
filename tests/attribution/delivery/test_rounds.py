"""The life of a conversion, against the sandbox, with a clock that the tests move."""

import hashlib
import json
import threading
import uuid
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from attribution.delivery import attributions, claiming
from attribution.delivery.lookups import Lookup
from attribution.models import Attribution, Click, Conversion
from attribution.platforms.platform import AdAnswer
from tests.attribution.conftest import ANDROID_ID, Pipeline


def fate(conversion: Conversion) -> tuple[str, str]:
    conversion.refresh_from_db()
    return conversion.state, conversion.reason


def outcomes(conversion: Conversion) -> list[tuple[str, str]]:
    return list(conversion.attempts.order_by("started_at", "id").values_list("kind", "outcome"))


def test_conversion_of_an_attributed_user_is_reported(pipeline: Pipeline) -> None:
    callback = pipeline.device(ANDROID_ID)["callback_param"]
    conversion = pipeline.report("active_pay")

    pipeline.deliver()

    assert fate(conversion) == ("reported", "")
    assert conversion.due_at is None
    assert conversion.finished_at == pipeline.now
    assert outcomes(conversion) == [("lookup", "attributed"), ("report", "accepted")]
    assert [found["body"] for found in pipeline.ledger()["lookups"]] == [
        {
            "platform": "android",
            "android_id": ANDROID_ID,
            "package_name": "com.example.demo",
            "customer_active_time": "1795406400000",
        }
    ]
    assert [found["body"] for found in pipeline.ledger()["conversions"]] == [
        {
            "event_type": "active_pay",
            "context": {
                "ad": {"callback": callback, "match_type": 0},
                "device": {"platform": "android", "android_id": ANDROID_ID},
            },
            "properties": {"pay_amount": 1999, "order_id": "order-1"},
            "outer_event_id": "order-1",
            "timestamp": 1795406400000,
        }
    ]


def test_second_event_of_a_user_uses_the_stored_attribution(pipeline: Pipeline) -> None:
    pipeline.report("active")
    pipeline.deliver()
    pipeline.wait(days=3)
    payment = pipeline.report("active_pay")

    pipeline.deliver()

    assert outcomes(payment) == [("report", "accepted")]
    assert len(pipeline.ledger()["lookups"]) == 1


@pytest.mark.parametrize("is_found_first", [True, False])
def test_two_answers_about_one_user_at_once(pipeline: Pipeline, is_found_first: bool) -> None:
    """His events were claimed one after another, the second one with an id that the first one lacked."""
    answers = [AdAnswer(callback="cb"), None]
    lookups = [
        Lookup(conversions=[pipeline.report(event)], app=pipeline.app, activated_at=pipeline.now, answer=answer)
        for event, answer in zip(("active", "active_register"), answers, strict=True)
    ]

    known = attributions.conclude(lookups if is_found_first else lookups[::-1], now=pipeline.now)

    assert [found.callback_param for found in known.values()] == ["cb"]
    assert Attribution.objects.get().callback_param == "cb"


def test_events_of_one_user_in_a_batch_ask_once(pipeline: Pipeline) -> None:
    for event in ("active", "active_register", "active_pay"):
        pipeline.report(event)

    pipeline.deliver()

    assert sorted(pipeline.reports()) == [("active", 1), ("active_pay", 1), ("active_register", 1)]
    assert len(pipeline.ledger()["lookups"]) == 1


def test_attribution_that_turns_up_on_the_third_look_up_is_reported(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID, after_lookups=2)
    conversion = pipeline.report()
    pipeline.deliver()
    assert fate(conversion) == ("organic", "no_click")

    pipeline.deliver_when_due(conversion)
    second = fate(conversion)
    pipeline.deliver_when_due(conversion)

    assert second == ("organic", "no_click")
    assert fate(conversion) == ("reported", "")
    assert pipeline.reports() == [("active", 1)]


def test_organic_user_is_final_after_all_look_ups(pipeline: Pipeline) -> None:
    conversion = pipeline.report(device={"android_id": "organic-1"})
    pipeline.deliver()
    waits = []
    conversion.refresh_from_db()
    while conversion.due_at:
        waits.append(round((conversion.due_at - pipeline.now).total_seconds()))
        pipeline.deliver_when_due(conversion)
        conversion.refresh_from_db()

    assert fate(conversion) == ("organic", "no_click")
    assert [low <= wait <= high for wait, (low, high) in zip(waits, LOOKUP_WAITS, strict=True)] == [True] * 5
    assert len(pipeline.ledger()["lookups"]) == 6
    assert pipeline.reports() == []


LOOKUP_WAITS = [(48, 72), (480, 720), (2880, 4320), (17_280, 25_920), (69_120, 103_680)]


def test_other_events_of_a_user_are_woken_when_an_ad_is_found(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID, after_lookups=1)
    waiting = pipeline.report("active")
    pipeline.deliver()
    pipeline.wait(seconds=30)
    pipeline.report("active_register")

    pipeline.deliver()

    assert fate(waiting) == ("reported", "")


def test_click_of_ours_is_used_where_the_platform_knows_no_ad(pipeline: Pipeline) -> None:
    from attribution.clicks import storage
    from attribution.clicks.storage import NewClick
    from attribution.platforms.oceanengine import clicks

    callback = pipeline.device("5f8c1e0b7a92d999", advertiser_id=1700000000000001)["callback_param"]
    pipeline.device("5f8c1e0b7a92d999", attributed=False)
    query = f"oaid=oaid-1&callback_param={callback}&advertiser_id=1700000000000001&promotion_id=7&ts=1795406340000"
    said = clicks.read(query, received_at=pipeline.now)
    storage.store([NewClick(pipeline.app.pk, "oceanengine", pipeline.now, query, said)])
    conversion = pipeline.report(device={"android_id": "5f8c1e0b7a92d999", "oaid": "oaid-1"})

    pipeline.deliver()

    assert fate(conversion) == ("reported", "")
    attribution = Attribution.objects.get()
    assert attribution.click == Click.objects.get()
    assert (attribution.source, attribution.reason, attribution.ad_id) == ("click", "oaid", 7)
    assert attribution.click_to_install_s == 60
    assert pipeline.ledger()["conversions"][0]["body"]["context"]["ad"]["callback"] == callback


def test_warning_code_is_kept_and_never_sent_again(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "error_in_200", code=128, message="重复")
    conversion = pipeline.report()

    pipeline.deliver()

    assert fate(conversion) == ("reported", "")
    assert conversion.warning == "code 128: 重复"
    assert conversion.due_at is None
    assert outcomes(conversion)[-1] == ("report", "warning")


def test_error_code_that_the_settings_name_is_tried_again(pipeline: Pipeline, settings: Settings) -> None:
    settings.OCEANENGINE_RETRY_CODES = [40100]
    pipeline.fault("conversion", "error_in_200", code=40100, message="限流", times=1)
    conversion = pipeline.report()
    pipeline.deliver()
    assert fate(conversion) == ("pending", "")

    pipeline.deliver_when_due(conversion)

    assert fate(conversion) == ("reported", "")


def test_status_of_the_400s_is_a_refusal(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=404)
    conversion = pipeline.report()

    pipeline.deliver()

    assert fate(conversion) == ("rejected", "report_rejected")


def test_failed_report_is_repeated_with_the_identical_body(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=503, times=2)
    conversion = pipeline.report()
    pipeline.deliver()
    pipeline.deliver_when_due(conversion)
    pipeline.deliver_when_due(conversion)

    assert fate(conversion) == ("reported", "")
    assert outcomes(conversion)[1:] == [("report", "unavailable"), ("report", "unavailable"), ("report", "accepted")]
    requests = set(conversion.attempts.filter(kind="report").values_list("request", flat=True))
    assert len(requests) == 1


def test_answer_that_never_came_is_unknown_and_counted_once_by_the_platform(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "reset_after", times=1)
    conversion = pipeline.report()
    pipeline.deliver()
    assert fate(conversion) == ("pending", "")

    pipeline.deliver_when_due(conversion)

    assert outcomes(conversion)[1:] == [("report", "unknown"), ("report", "accepted")]
    [found] = pipeline.ledger()["conversions"]
    assert (found["sends"], found["identical_bodies"]) == (2, True)


def test_destination_that_hangs_is_given_up_by_the_timeout(pipeline: Pipeline, settings: Settings) -> None:
    settings.OCEANENGINE_READ_TIMEOUT_S = 0.5
    pipeline.fault("conversion", "hang", times=1)
    conversion = pipeline.report()

    pipeline.deliver()

    assert fate(conversion) == ("pending", "")
    assert outcomes(conversion)[-1] == ("report", "unknown")


def test_budget_that_is_used_up_makes_a_dead_letter(pipeline: Pipeline, settings: Settings) -> None:
    settings.CONVERSION_RETRY_DELAYS_S = [1, 2]
    pipeline.fault("conversion", "status", status=500)
    conversion = pipeline.report()
    pipeline.deliver()
    pipeline.deliver_when_due(conversion)
    pipeline.deliver_when_due(conversion)

    assert fate(conversion) == ("failed", "budget_used_up")
    assert (conversion.tries, conversion.due_at) == (3, None)


def test_too_many_requests_waits_as_told_and_uses_no_budget(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "retry_after", seconds=40, times=1)
    conversion = pipeline.report()
    pipeline.deliver()
    conversion.refresh_from_db()
    assert (conversion.tries, conversion.due_at) == (0, pipeline.now + timedelta(seconds=40))

    pipeline.deliver_when_due(conversion)

    assert fate(conversion) == ("reported", "")


def test_redirect_is_not_followed(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "redirect", location=f"{pipeline.url}/api/v2/conversion", times=1)
    conversion = pipeline.report()

    pipeline.deliver()

    assert fate(conversion) == ("pending", "")
    assert pipeline.reports() == []


def test_huge_answer_is_cut(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "huge", bytes=5_000_000, times=1)
    conversion = pipeline.report()

    pipeline.deliver()

    attempt = conversion.attempts.get(kind="report")
    assert (attempt.outcome, len(attempt.response) <= 64 * 1024) == ("unknown", True)


def test_attempts_show_no_device_id(pipeline: Pipeline) -> None:
    conversion = pipeline.report()

    pipeline.deliver()

    texts = "".join(f"{attempt.request}{attempt.response}" for attempt in conversion.attempts.all())
    assert ANDROID_ID not in texts
    assert "5f…46" in texts


def test_platform_that_can_not_be_reached_is_tried_again(pipeline: Pipeline, settings: Settings) -> None:
    settings.OCEANENGINE_BASE_URL = "http://127.0.0.1:1"
    conversion = pipeline.report()

    pipeline.deliver()

    assert outcomes(conversion) == [("lookup", "unavailable")]
    assert fate(conversion) == ("pending", "")


@pytest.mark.django_db(transaction=True)
def test_attempt_and_body_are_on_disk_before_the_request_leaves(pipeline: Pipeline, settings: Settings) -> None:
    seen: list[tuple[str, list[tuple[str, str]], bool]] = []

    class Platform(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Look into the database, over a separate connection, while the request waits for its answer."""
            row = Conversion.objects.get()
            seen.append((self.path, outcomes(row), bool(row.body)))
            connection.close()
            body = json.dumps({"code": 0, "message": "", "callback_param": "B.abc"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Not on the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as platform:
        threading.Thread(target=platform.serve_forever, daemon=True).start()
        settings.OCEANENGINE_BASE_URL = f"http://127.0.0.1:{platform.server_port}"
        pipeline.report()
        pipeline.deliver()
        platform.shutdown()

    assert seen == [
        ("/sdk/app/attribution/", [("lookup", "unknown")], False),
        ("/api/v2/conversion", [("lookup", "attributed"), ("report", "unknown")], True),
    ]


def test_row_that_cannot_be_read_does_not_block_its_neighbours(pipeline: Pipeline) -> None:
    poison = pipeline.report(user="u-poison")
    Conversion.objects.filter(pk=poison.pk).update(device="not encrypted")
    good = pipeline.report(user="u-good")

    pipeline.deliver()

    assert fate(poison) == ("failed", "unreadable")
    assert fate(good) == ("reported", "")


def test_worker_that_lost_its_lease_writes_nothing(pipeline: Pipeline, settings: Settings) -> None:
    conversion = pipeline.report()
    stale = Conversion.objects.get()
    stale.lease_token = uuid.uuid4()
    stale.mark_failed("test", "", now=pipeline.now)

    claiming.save_settled([stale])

    assert fate(conversion) == ("pending", "")


def test_row_of_a_dead_worker_is_due_again_after_its_lease(pipeline: Pipeline, settings: Settings) -> None:
    conversion = pipeline.report()
    lease = claiming.claim(limit=10, now=pipeline.now)
    assert [row.pk for row in lease] == [conversion.pk]
    assert pipeline.deliver() == 0

    pipeline.wait(seconds=settings.CONVERSION_LEASE_S)
    pipeline.deliver()

    assert fate(conversion) == ("reported", "")


def test_app_without_a_package_holds_until_it_has_one(pipeline: Pipeline) -> None:
    pipeline.app.android_package = ""
    pipeline.app.save()
    conversion = pipeline.report()

    pipeline.deliver()

    assert fate(conversion) == ("held", "no_package")
    assert conversion.due_at is None


@pytest.mark.parametrize(("days", "expected"), [(90, ("reported", "")), (91, ("skipped", "after_window"))])
def test_event_long_after_the_activation_is_skipped(pipeline: Pipeline, days: int, expected: tuple[str, str]) -> None:
    pipeline.report()
    pipeline.deliver()
    Attribution.objects.update(activated_at=pipeline.now)
    pipeline.wait(days=days)
    payment = pipeline.report("active_pay")

    pipeline.deliver()

    assert fate(payment) == expected


def test_channel_has_its_own_package(pipeline: Pipeline) -> None:
    pipeline.app.channel_packages.create(channel="HuaWei", package="com.example.huawei")
    pipeline.report(channel="huawei")

    pipeline.deliver()

    assert pipeline.ledger()["lookups"][0]["body"]["package_name"] == "com.example.huawei"


@pytest.mark.parametrize("users", [1, 30])
def test_round_needs_as_many_queries_for_one_as_for_many(
    pipeline: Pipeline, users: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(users):
        pipeline.report(user=f"u-{number}", device={"android_id": f"a{number:015x}"})

    with django_assert_max_num_queries(60):
        pipeline.deliver()

    assert Conversion.objects.filter(state="reported").count() == users


def test_secrets_of_the_settings_are_sent(pipeline: Pipeline, settings: Settings) -> None:
    settings.OCEANENGINE_ACCESS_TOKEN = "token-1"
    settings.OCEANENGINE_SIGNATURE_SECRET = "secret"
    pipeline.report()

    pipeline.deliver()

    [found] = pipeline.ledger()["conversions"]
    body = json.dumps(found["body"], ensure_ascii=False, separators=(",", ":"))
    signature = hashlib.sha256(f"{body}secret".encode()).hexdigest()
    assert found["headers"] == {"App-Access-Token": "token-1", "x-signature": signature}
