"""What is known of a user need not be sent again, and what comes late counts: from the endpoint to the platform."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from attribution.delivery import claiming
from attribution.models import Attribution, Conversion
from tests.attribution.conftest import ANDROID_ID, Pipeline, server_client, user_client

pytestmark = pytest.mark.django_db(transaction=True)

PHONE: dict[str, Any] = {"os": "android", "android_id": ANDROID_ID, "channel": "huawei"}
OAID = "1fe9a970-efbb-29e0-1bdd-f5f7f7f1e2a4"
CALLBACK = "EJiw267wvfQCGKf2g74ZIPD89-vIATAMOAFCIjIwMTkx"
PAYMENT: dict[str, Any] = {"event": 2, "amount": 1999, "outer_event_id": "wx-1"}


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    pipeline.now = timezone.now()  # the endpoint's clock
    return pipeline


def post(pipeline: Pipeline, user_id: str | None = "1796071960", **event: Any) -> dict[str, Any]:
    body = {"event": "active"} | event | ({"user_id": user_id} if user_id else {})
    answer = server_client(pipeline.app).post("/api/events/", body, format="json")
    assert answer.status_code == 202, answer.content
    pipeline.now = max(pipeline.now, timezone.now())
    found: dict[str, Any] = answer.json()
    return found


def row(answer: dict[str, Any]) -> Conversion:
    return Conversion.objects.get(pk=answer["id"])


def test_payment_of_a_known_user_needs_no_device(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID)
    post(pipeline, **PHONE)
    pipeline.deliver()

    paid = post(pipeline, **PAYMENT)
    pipeline.deliver()

    found = row(paid)
    assert (found.state, found.os, found.channel) == ("reported", "android", "huawei")
    [_active, payment] = pipeline.ledger()["conversions"]
    assert payment["body"]["context"]["device"] == {"platform": "android", "android_id": ANDROID_ID}


def test_payment_before_anything_is_known_waits_for_the_users_first_event(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID)
    paid = post(pipeline, **PAYMENT)
    pipeline.deliver()
    waiting = row(paid)

    post(pipeline, **PHONE)
    pipeline.deliver()

    found = row(paid)
    assert (waiting.state, waiting.detail) == ("pending", "Nothing is known of this user yet")
    assert waiting.due_at
    assert waiting.due_at > pipeline.now + timedelta(hours=5)
    assert (found.state, found.os, found.channel) == ("reported", "android", "huawei")
    assert sorted(pipeline.reports()) == [("active", 1), ("active_pay", 1)]


def test_user_of_whom_nothing_came_in_three_days_is_organic(pipeline: Pipeline) -> None:
    paid = post(pipeline, **PAYMENT)
    pipeline.deliver()

    for _ in range(12):
        pipeline.wait(hours=6, seconds=1)
        assert row(paid).state == "pending"
        pipeline.deliver()

    assert (row(paid).state, row(paid).reason, row(paid).due_at) == ("organic", "unknown_user", None)


@pytest.mark.parametrize("later", [{"event": "active_register"}, {"event": "active"}], ids=["another", "a repeat"])
def test_id_that_comes_late_is_asked_about_at_once(pipeline: Pipeline, later: dict[str, str]) -> None:
    """The OAID is read asynchronously, after consent. Our click has nothing but it."""
    pipeline.device(ANDROID_ID, attributed=False)
    clicked_ms = int((pipeline.now - timedelta(hours=1)).timestamp() * 1000)
    link = f"/track/oceanengine/{pipeline.app.monitor_token}/"
    track = f"{link}?oaid={OAID}&callback_param=cb&ts={clicked_ms}"
    assert server_client(pipeline.app).get(track).status_code == 200
    first = post(pipeline, **PHONE)
    pipeline.deliver()
    organic = row(first).state

    pipeline.wait(seconds=3)
    post(pipeline, **PHONE | later, oaid=OAID)
    pipeline.deliver()

    attribution = Attribution.objects.get()
    assert (organic, attribution.is_attributed, attribution.reason) == ("organic", True, "oaid")
    assert row(first).attribution == attribution


def test_events_of_one_list_complete_each_other(pipeline: Pipeline) -> None:
    body = [{"event": "active", "user_id": "u-1", **PHONE}, {**PAYMENT, "user_id": "u-1"}]

    answers = server_client(pipeline.app).post("/api/events/", body, format="json").json()

    assert [row(answer).device_ids["android_id"] for answer in answers] == [ANDROID_ID, ANDROID_ID]


@pytest.mark.parametrize("field", ["clickid", "callback"])
@pytest.mark.parametrize("user_id", ["1796071960", None])
def test_callback_alone_is_enough(pipeline: Pipeline, field: str, user_id: str | None) -> None:
    """Landing pages, mini programs and mini games: no device, no look-up."""
    landed = post(pipeline, user_id, event="form", **{field: CALLBACK})
    pipeline.deliver()

    [sent] = pipeline.ledger()["conversions"]
    assert row(landed).state == "reported"
    assert sent["body"]["context"] == {"ad": {"callback": CALLBACK, "match_type": 0}}
    assert pipeline.ledger()["lookups"] == []


def test_callback_gives_its_user_an_ad(pipeline: Pipeline) -> None:
    """Also for a payment that waited for word of the user."""
    paid = post(pipeline, **PAYMENT)
    pipeline.deliver()

    landed = post(pipeline, event="form", clickid=CALLBACK)
    pipeline.deliver()

    found = Attribution.objects.get()
    assert (found.is_attributed, found.reason, found.callback_param) == (True, "callback", CALLBACK)
    assert (row(landed).state, row(paid).state) == ("reported", "reported")


@pytest.mark.parametrize("attributed", [True, False])
def test_event_is_reported_with_the_callback_that_it_came_with(pipeline: Pipeline, attributed: bool) -> None:
    """At once, whatever was answered about its user's phone a moment ago."""
    pipeline.device(ANDROID_ID, attributed=attributed)
    callback = pipeline.device("another phone")["callback_param"]
    post(pipeline, **PHONE)
    pipeline.deliver()

    post(pipeline, event="form", callback=callback)
    pipeline.deliver()

    sent = {each["event_type"]: each["body"]["context"]["ad"]["callback"] for each in pipeline.ledger()["conversions"]}
    assert sent["form"] == callback
    assert set(sent) == {"active", "form"}
    assert (sent["active"] == callback) is not attributed


def test_callback_without_a_user_counts_once(pipeline: Pipeline) -> None:
    answers = [post(pipeline, None, event="form", clickid="EJiw267wvfQCGKf2g74ZIPD89")["duplicate"] for _ in range(2)]

    assert answers == [False, True]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://ad.oceanengine.com/track/activate/?callback=EJiw267wvfQC&os=0", "EJiw267wvfQC"),
        ("https%3A%2F%2Fad.oceanengine.com%2Ftrack%2Factivate%2F%3Fcallback%3DEJiw267wvfQC", "EJiw267wvfQC"),
        ("https://ad.oceanengine.com/track/activate/?callback=EJiw%2B267+wvfQC", "EJiw+267+wvfQC"),
        ("EJiw267wvfQC#/home", "EJiw267wvfQC"),
        ("EJiw267 wvfQC", "EJiw267+wvfQC"),
        (" EJiw267wvfQC ", "EJiw267wvfQC"),
    ],
)
def test_callback_is_read_from_an_address(pipeline: Pipeline, sent: str, kept: str) -> None:
    assert row(post(pipeline, callback=sent)).device_ids == {"callback": kept}


@pytest.mark.parametrize(
    "value",
    [
        "__CALLBACK_PARAM__",
        "",
        "https://example.com/?callback=EJiw267wvfQC",
        "https://ad.oceanengine.com/?callback=__CALLBACK_PARAM__",
        "null",
        "x" * 5000,
        7,
    ],
)
def test_callback_that_is_none_is_refused_where_it_is_the_only_key(pipeline: Pipeline, value: Any) -> None:
    client = server_client(pipeline.app)

    alone = client.post("/api/events/", {"event": "form", "clickid": value}, format="json")
    beside = post(pipeline, **PHONE, clickid=value)

    assert alone.status_code == 400
    assert set(alone.json()) == ({"clickid"} if value else {"user_id"})
    assert beside.get("ignored", {}) == ({"clickid": "not a callback parameter of the platform"} if value else {})


def test_answer_names_what_was_not_used(pipeline: Pipeline) -> None:
    ahead = timezone.now() + timedelta(minutes=10)

    answer = post(
        pipeline,
        **PHONE,
        outerEventId="A-1",
        clickId="x",
        ip="unknown",
        nonsense=1,
        amount=5,
        occurred_at=ahead.isoformat(),
    )

    assert set(answer["ignored"]) == {"outerEventId", "clickId", "ip", "nonsense", "amount", "occurred_at"}
    assert answer["ignored"]["outerEventId"] == "unknown field; did you mean outer_event_id?"
    assert answer["ignored"]["clickId"] == "unknown field; did you mean clickid?"
    assert answer["ignored"]["nonsense"] == "unknown field"
    assert row(answer).occurred_at == row(answer).received_at


def test_repeats_ids_are_kept_while_the_first_is_looked_up(pipeline: Pipeline) -> None:
    """Its worker loses the row, so that the answer about fewer ids does not settle it."""
    pipeline.device(ANDROID_ID, attributed=False)
    first = post(pipeline, **PHONE)
    [claimed] = claiming.claim(limit=1, now=pipeline.now)

    post(pipeline, **PHONE, oaid=OAID)
    claimed.mark_organic("no_click", due_at=None, now=pipeline.now)
    claiming.save_settled([claimed])

    found = row(first)
    assert (found.state, found.due_at, found.lease_token) == ("pending", found.due_at, None)
    assert found.device_ids == {"android_id": ANDROID_ID, "oaid": OAID}


def test_repeats_ids_are_kept_while_the_first_waits_for_a_worker(pipeline: Pipeline) -> None:
    first = post(pipeline, **PHONE, ip="36.1.2.3")
    post(pipeline, **PHONE, oaid=OAID)

    assert row(first).device_ids == {"android_id": ANDROID_ID, "oaid": OAID, "ip": "36.1.2.3"}


def test_page_in_an_app_reports_for_the_user_of_its_token(pipeline: Pipeline) -> None:
    client = user_client(pipeline.app, "u-1")

    answer = client.post("/api/events/", {"event": "form", "clickid": CALLBACK}, format="json").json()

    assert row(answer).user_id == "u-1"


def test_network_of_the_request_is_the_phones_only_with_a_users_token(pipeline: Pipeline) -> None:
    event = {"event": "active", "user_id": "u-1", **PHONE}
    by_user = (
        user_client(pipeline.app, "u-1").post("/api/events/", event, format="json", HTTP_USER_AGENT="Dalvik").json()
    )
    by_server = post(pipeline, "u-2", **PHONE)

    assert row(by_user).device_ids == {"android_id": ANDROID_ID, "ip": "127.0.0.1", "user_agent": "Dalvik"}
    assert row(by_server).device_ids == {"android_id": ANDROID_ID}
