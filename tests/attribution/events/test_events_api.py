"""`/api/events/`: accepted, refused, repeated, too many, someone else's."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from attribution.events import views
from attribution.models import App, Conversion
from foundation.access.credentials import Credential
from foundation.access.models import ApiKey
from tests.attribution.conftest import NOW, server_client, user_client

# Events are stored in a thread with a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = {"event": "active", "user_id": "u-1", "os": "android", "android_id": "5f8c1e0b7a92d346"}
PAYMENT = {**ACTIVE, "event": "active_pay", "amount": 1999, "outer_event_id": "order-1"}


def post(client: APIClient, body: Any) -> tuple[int, Any]:
    answer = client.post("/api/events/", body, format="json")
    return answer.status_code, answer.json()


def test_event_is_stored_as_pending(client: APIClient, app: App) -> None:
    status, answer = post(client, PAYMENT)

    row = Conversion.objects.get()
    assert (status, answer) == (202, {"id": str(row.pk), "status": "pending", "duplicate": False})
    assert (row.app, row.user_id, row.event, row.os, row.amount_fen) == (app, "u-1", "active_pay", "android", 1999)
    assert row.device_ids == {"android_id": "5f8c1e0b7a92d346"}  # ip and user agent would be the backend's own
    assert (row.outer_event_id, row.due_at, row.occurred_at) == ("order-1", row.received_at, row.received_at)
    assert "5f8c1e0b7a92d346" not in row.device


@pytest.mark.parametrize(
    ("number", "event"), [(0, "active"), (1, "active_register"), (6, "next_day_open"), (25, "game_addiction")]
)
@pytest.mark.parametrize(("os_number", "os", "field"), [(0, "android", "android_id"), (1, "ios", "idfv")])
def test_numbers_of_the_older_api_are_understood(
    client: APIClient, number: int, event: str, os_number: int, os: str, field: str
) -> None:
    status, _answer = post(client, {"event": number, "user_id": "u-1", "os": os_number, field: "6F5E2C9A-1B7D"})

    row = Conversion.objects.get()
    assert (status, row.event, row.os) == (202, event, os)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"event": 7}, {"event": ["'7' is not an event of any platform, and the app has no rule for it. "
                                  "Ours are: active, active_register, active_pay, next_day_open, game_addiction."]}),
        ({"event": "purchaseRoi"}, {"event": ["'purchaseRoi' is not an event of any platform, and the app has no rule "
                                              "for it. Did you mean purchase_roi or deep_purchase?"]}),
        ({"event": True}, {"event": ["Not a valid string."]}),
        ({"event": "x" * 33}, {"event": ["Ensure this field has no more than 32 characters."]}),
        ({"user_id": "  "}, {"user_id": ["This field may not be blank."]}),
        ({"outer_event_id": "null"},
         {"outer_event_id": ["'null' is a placeholder: all events that send it would become one event."]}),
        ({"user_id": ""}, {"user_id": ["This field may not be blank."]}),
        ({"user_id": "a\x00b"}, {"user_id": ["Null characters are not allowed."]}),
        ({"app": "other"}, {"app": ["There is no app 'other' for this key."]}),
        ({"event": 2}, {"amount": ["Required for a payment."], "outer_event_id": ["Required for a payment."]}),
        ({"amount": "1.5"}, {"amount": ["A valid integer is required."]}),
        ({"amount": "1_999"}, {"amount": ["A valid integer is required."]}),
        ({"amount": "１９９９"}, {"amount": ["A valid integer is required."]}),
        ({"amount": -1}, {"amount": ["Ensure this value is greater than or equal to 0."]}),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, {"occurred_at": ["Datetime value out of range."]}),
        ({"occurred_at": "9999-12-31T23:59:59-14:00"}, {"occurred_at": ["Datetime value out of range."]}),
    ],
)  # fmt: skip
def test_bad_field_is_named_and_nothing_is_stored(
    client: APIClient, change: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    assert post(client, ACTIVE | change) == (400, errors)
    assert Conversion.objects.count() == 0


@pytest.mark.parametrize(("field"), ["event", "user_id"])
def test_missing_field_is_named(client: APIClient, field: str) -> None:
    body = {name: value for name, value in ACTIVE.items() if name != field}

    assert post(client, body) == (400, {field: ["This field is required."]})


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=6, hours=23), 202), (timedelta(days=7, minutes=1), 400),
                                             (timedelta(minutes=-16), 400)])  # fmt: skip
def test_time_of_the_event_has_limits(client: APIClient, age: timedelta, status: int) -> None:
    occurred_at = timezone.now() - age

    answer = post(client, ACTIVE | {"occurred_at": occurred_at.isoformat()})

    assert answer[0] == status
    assert list(Conversion.objects.values_list("occurred_at", flat=True)) == ([occurred_at] if status == 202 else [])


@pytest.mark.parametrize(
    "user_id",
    ["null", "undefined", "Undefined", "0", 0, 0.0, "0000", "guest", " Guest ", "-1", -1, "None", "(null)", '"null"',
     "<nil>", "[object Object]", "NaN", "false", "00000000-0000-0000-0000-000000000000", "${user_id}", "__UID__",
     "ffffffff-ffff-ffff-ffff-ffffffffffff", "()", "游客", "未登录"],
)  # fmt: skip
def test_placeholder_is_not_a_user(client: APIClient, user_id: Any) -> None:
    status, errors = post(client, ACTIVE | {"user_id": user_id})

    assert (status, list(errors)) == (400, ["user_id"])
    assert "is a placeholder, not a user" in errors["user_id"][0]


@pytest.mark.parametrize("user_id", ["1", 1, "10", "-10", "guest-1", "nullable", "游客1", "0a", "[1]"])
def test_user_like_a_placeholder_is_taken(client: APIClient, user_id: Any) -> None:
    assert post(client, ACTIVE | {"user_id": user_id})[0] == 202
    assert Conversion.objects.get().user_id == str(user_id)


@pytest.mark.parametrize("form", [int, str, float, lambda s: s * 1000, lambda s: str(s * 1000), lambda s: f" {s}.0 "])
def test_unix_time_is_understood(client: APIClient, form: Any) -> None:
    seconds = int(timezone.now().timestamp()) - 3600

    assert post(client, ACTIVE | {"occurred_at": form(seconds)})[0] == 202
    assert Conversion.objects.get().occurred_at.timestamp() == seconds


@pytest.mark.parametrize("moment", ["2026-11-30 20:52:43", "2026-11-30T20:52:43.5", "0001-01-01T00:00:00"])
def test_time_without_zone_is_refused(client: APIClient, moment: str) -> None:
    status, errors = post(client, ACTIVE | {"occurred_at": moment})

    assert (status, list(errors)) == (400, ["occurred_at"])
    assert "Time zone missing" in errors["occurred_at"][0]


@pytest.mark.parametrize("moment", [True, [], {}, 0, -1, 10**30, 1e300, "1e9", "²³", "20261130205243"])
def test_invalid_time_is_refused(client: APIClient, moment: Any) -> None:
    status, errors = post(client, ACTIVE | {"occurred_at": moment})

    assert (status, list(errors)) == (400, ["occurred_at"])


@pytest.mark.parametrize("body", [b"{", b"\xff", b"nonsense"])
def test_malformed_json_is_refused(client: APIClient, body: bytes) -> None:
    answer = client.post("/api/events/", body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("JSON parse error")


@pytest.mark.parametrize("body", [b"[" * 50_000, b'[{"user_id":' + b"[" * 50_000 + b"]" * 50_000 + b"}]"])
def test_json_of_bottomless_depth_is_refused(client: APIClient, body: bytes) -> None:
    answer = client.post("/api/events/", body, content_type="application/json")

    assert (answer.status_code, answer.json()) == (400, {"detail": "The JSON is nested too deeply."})


def test_call_without_a_key_is_refused(app: App) -> None:
    assert APIClient().post("/api/events/", ACTIVE, format="json").status_code == 401
    assert Conversion.objects.count() == 0


def test_same_event_again_is_the_same_row(client: APIClient) -> None:
    first = post(client, ACTIVE)[1]

    assert post(client, ACTIVE) == (202, {"id": first["id"], "status": "pending", "duplicate": True})
    assert Conversion.objects.count() == 1


def test_two_payments_of_a_user_are_two_conversions(client: APIClient) -> None:
    answers = [post(client, PAYMENT | {"outer_event_id": order})[1] for order in ("order-1", "order-2", "order-1")]

    assert [answer["duplicate"] for answer in answers] == [False, False, True]
    assert Conversion.objects.count() == 2


@pytest.mark.parametrize("change", [{"amount": 2999}, {"user_id": "u-2"}])
def test_another_payment_under_the_same_id_is_refused(client: APIClient, change: dict[str, Any]) -> None:
    refusal = {
        "outer_event_id": [
            "There is already a payment with this id, by another user or of another amount. Use a new id for a new "
            "payment; repeat an earlier payment unchanged."
        ]
    }
    post(client, PAYMENT)

    alone = post(client, PAYMENT | change)
    only = post(client, [PAYMENT | change])
    _status, [again, another] = post(client, [PAYMENT, PAYMENT | change])

    assert alone == (409, refusal)
    assert only == (409, [{"status": "invalid", "errors": refusal}])
    assert (again["duplicate"], another) == (True, {"status": "invalid", "errors": refusal})
    assert list(Conversion.objects.values_list("user_id", "amount_fen")) == [("u-1", 1999)]


def test_payment_of_another_amount_in_the_same_list_is_refused(client: APIClient) -> None:
    status, answers = post(client, [PAYMENT, PAYMENT | {"amount": 2999}])

    assert (status, [answer["status"] for answer in answers]) == (202, ["pending", "invalid"])
    assert Conversion.objects.get().amount_fen == 1999


def test_fifty_posts_at_once_make_one_row() -> None:
    app = App.objects.create(slug="demo")
    key = ApiKey.objects.issue(caller="backend", app_slug=app.slug, is_throttled=False)

    def report(_number: int) -> tuple[int, Any]:
        try:
            return post(APIClient(HTTP_AUTHORIZATION=f"Bearer {key}"), ACTIVE)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(report, range(50)))

    row = Conversion.objects.get()
    assert {(status, answer["id"]) for status, answer in answers} == {(202, str(row.pk))}
    assert sum(not answer["duplicate"] for _status, answer in answers) == 1


def test_bad_items_of_a_list_do_not_block_their_neighbours(client: APIClient) -> None:
    status, answers = post(client, [ACTIVE, {**ACTIVE, "user_id": None}, 5, PAYMENT, ACTIVE])

    active, payment = (str(Conversion.objects.get(event=event).pk) for event in ("active", "active_pay"))
    assert status == 202
    assert answers == [
        {"id": active, "status": "pending", "duplicate": False},
        {"status": "invalid", "errors": {"user_id": ["This field is required."]}},
        {"status": "invalid", "errors": {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]}},
        {"id": payment, "status": "pending", "duplicate": False},
        {"id": active, "status": "pending", "duplicate": True},
    ]


def test_missing_field_is_found_under_another_name(client: APIClient) -> None:
    body = {"type": 2, "uid": "u-1", "amount": 5, "orderId": "A-1"}

    assert post(client, body) == (
        400,
        {
            "event": ["This field is required.", "Did you mean event by type?"],
            "user_id": ["This field is required.", "Did you mean user_id by uid?"],
        },
    )
    assert post(client, {"event": 2, "user_id": "u-1", "amount": 5, "orderId": "A-1"}) == (
        400,
        {"outer_event_id": ["Required for a payment.", "Did you mean outer_event_id by orderId?"]},
    )


def test_list_of_only_bad_items_is_refused(client: APIClient) -> None:
    required = ["This field is required."]

    assert post(client, [{}]) == (
        400,
        [{"status": "invalid", "errors": {"event": required, "user_id": required}}],
    )


@pytest.mark.parametrize("count", [0, 501])
def test_list_has_limits(client: APIClient, count: int) -> None:
    assert post(client, [ACTIVE] * count) == (400, {"events": [f"{count} events; send 1 to 500 at a time."]})


def test_request_that_can_not_be_stored_does_not_take_its_neighbours_along(app: App) -> None:
    gone = Credential(name="backend", caller_id=None, app_id=app.pk + 1, is_throttled=False)
    here = Credential(name="backend", caller_id=None, app_id=app.pk, is_throttled=False)

    answers = views._respond([_request(here, ["u-1"]), _request(gone, ["u-2"]), _request(here, ["u-3"])])

    assert [answer.status_code for answer in answers] == [202, 500, 202]
    assert list(Conversion.objects.order_by("user_id").values_list("user_id", flat=True)) == ["u-1", "u-3"]


def test_request_that_can_not_be_read_does_not_take_its_neighbours_along(app: App) -> None:
    credential = Credential(name="backend", caller_id=None, app_id=app.pk, is_throttled=False)
    broken = _request(credential, ["u-2"])
    broken.META = None  # type: ignore[assignment]  # what no server does

    answers = views._respond([_request(credential, ["u-1"]), broken])

    assert [answer.status_code for answer in answers] == [202, 500]


def test_requests_are_stored_together(app: App, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    credential = Credential(name="backend", caller_id=None, app_id=app.pk, is_throttled=False)
    users = [["u-1"], ["u-2", "u-1"], ["u-3"]]

    with django_assert_num_queries(4):  # the app, its rules, the insert, the look-up of the existing event
        answers = views._respond([_request(credential, each) for each in users])

    duplicates = [[receipt["duplicate"] for receipt in json.loads(answer.content)] for answer in answers]
    assert duplicates == [[False], [False, True], [False]]


def _request(credential: Credential, user_ids: list[str]) -> HttpRequest:
    events = [ACTIVE | {"user_id": user_id} for user_id in user_ids]
    request = APIRequestFactory().post("/", events, format="json")
    force_authenticate(request, User(), credential)  # type: ignore[arg-type]  # the stubs know DRF's own tokens
    return request


def test_body_beyond_the_limit_is_413(client: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024

    assert post(client, {**ACTIVE, "channel": "x" * 1024}) == (413, {"detail": "More than 1024 bytes."})


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_as_many_queries_as_one_event(
    app: App, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    credential = Credential(name="backend", caller_id=None, app_id=app.pk, is_throttled=False)
    request = _request(credential, [f"u-{n}" for n in range(count)])

    with django_assert_num_queries(3):  # the app, its rules, and the insert
        [answer] = views._respond([request])

    assert [receipt["duplicate"] for receipt in json.loads(answer.content)] == [False] * count


def test_null_means_absent(client: APIClient) -> None:
    nothing = dict.fromkeys(["idfv", "oaid", "channel", "amount", "outer_event_id", "occurred_at", "ip", "app"])

    assert post(client, ACTIVE | nothing)[0] == 202
    assert post(client, PAYMENT | {"amount": None}) == (400, {"amount": ["Required for a payment."]})


def test_organic_event_that_is_posted_again_a_day_later_is_asked_about_again(client: APIClient) -> None:
    post(client, ACTIVE)
    Conversion.objects.update(state="organic", due_at=None, lookups=6, finished_at=timezone.now() - timedelta(hours=25))

    answer = post(client, ACTIVE)

    row = Conversion.objects.get()
    assert (answer[1]["duplicate"], row.lookups, row.due_at is not None) == (True, 0, True)


def test_organic_event_that_is_asked_about_again_has_its_purged_device_ids_back(client: APIClient) -> None:
    post(client, ACTIVE)
    ago = timezone.now() - timedelta(days=100)
    Conversion.objects.update(state="organic", due_at=None, finished_at=ago, device="", device_digest=None)

    post(client, ACTIVE)

    row = Conversion.objects.get()
    assert row.device_ids["android_id"] == ACTIVE["android_id"]
    assert row.device_digest is not None


def test_app_may_be_named(client: APIClient) -> None:
    other = App.objects.create(slug="other")

    post(client, ACTIVE | {"app": "other"})

    assert Conversion.objects.get().app == other


def test_token_reports_for_its_own_user_only(app: App) -> None:
    other = App.objects.create(slug="other")
    mine = user_client(app, "u-1")

    assert post(mine, ACTIVE)[0] == 202
    assert post(mine, ACTIVE | {"user_id": "u-2"}) == (400, {"user_id": ["'u-2' is not the user of this token."]})
    assert post(mine, ACTIVE | {"app": other.slug}) == (400, {"app": ["There is no app 'other' for this key."]})
    assert post(user_client(None, "u-1"), ACTIVE) == (400, {"app": ["Required: this key has no app of its own."]})
    assert Conversion.objects.count() == 1


def test_state_is_shown_with_its_attempts(client: APIClient, app: App) -> None:
    answer = post(client, PAYMENT)[1]
    row = Conversion.objects.get()
    started_at = timezone.now()
    attempt = row.new_attempt("report", request="{}", now=started_at)
    attempt.http_status, attempt.message = 503, "HTTP 503"
    attempt.save()

    shown = client.get(f"/api/events/{answer['id']}/").json()

    received_at = timezone.localtime(row.received_at).isoformat()
    assert shown == {
        "id": answer["id"], "event": "active_pay", "user_id": "u-1", "os": "android", "amount": 1999,
        "outer_event_id": "order-1", "occurred_at": received_at, "received_at": received_at, "status": "pending",
        "app_event": "", "properties": None,
        "reason": "", "detail": "", "warning": "", "rule": "", "advertiser_id": None, "next_attempt_at": received_at,
        "finished_at": None,
        "attempts": [
            {
                "kind": "report", "outcome": "unknown", "started_at": timezone.localtime(started_at).isoformat(),
                "duration_ms": None, "http_status": 503, "code": None, "message": "HTTP 503",
            }
        ],
    }  # fmt: skip


def test_attempts_are_shown_oldest_first(client: APIClient) -> None:
    path = f"/api/events/{post(client, ACTIVE)[1]['id']}/"
    row = Conversion.objects.get()
    for minutes in (3, 1, 2):
        row.new_attempt("report", request="{}", now=NOW + timedelta(minutes=minutes)).save()

    attempts = client.get(path).json()["attempts"]

    started = [each["started_at"] for each in attempts]
    assert started == [timezone.localtime(NOW + timedelta(minutes=minutes)).isoformat() for minutes in (1, 2, 3)]


def test_state_of_anothers_event_is_not_found(client: APIClient, app: App) -> None:
    path = f"/api/events/{post(client, ACTIVE)[1]['id']}/"

    assert user_client(app, "u-1").get(path).status_code == 200
    assert user_client(app, "u-2").get(path).status_code == 404
    assert user_client(App.objects.create(slug="other"), "u-1").get(path).status_code == 404
    assert client.get(f"/api/events/{uuid.uuid4()}/").status_code == 404


def test_state_is_shown_to_keys_of_its_app_and_of_none(client: APIClient) -> None:
    path = f"/api/events/{post(client, ACTIVE)[1]['id']}/"
    other = App.objects.create(slug="other")

    assert client.get(path).status_code == 200
    assert server_client(None).get(path).status_code == 200
    assert server_client(other).get(path).status_code == 404
