"""One user is erased: nothing personal is left in any table, the sums stay, and nothing more is sent."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from attribution.models import App, Attribution, Click, Conversion, Erasure, State, UserAlias
from attribution.models.roll_ups import CohortDay, EventDay, PayerDay, UserDay
from attribution.statistics import summing
from attribution.users import erasing
from tests.attribution.ad_world import ADS, World
from tests.attribution.conftest import ANDROID_ID, NOW, Pipeline, server_client

pytestmark = pytest.mark.django_db(transaction=True)

USER, ANON, ORDER = "user-7f3e9b", "anon-7f3e9b", "order-7f3e9b"
OAID = "1fe9a970-efbb-29e0-1bdd-f5f7f7f1e2a4"
PHONE: dict[str, Any] = {"os": "android", "android_id": ANDROID_ID, "oaid": OAID, "ip": "36.1.2.3", "channel": "huawei"}
NOTHING = {
    "events": 0, "attempts": 0, "attributions": 0, "clicks": 0, "previous_ids": 0, "chats": 0, "conversations": 0,
    "messages": 0,
}  # fmt: skip


def removed(app: App, user_id: str = USER) -> dict[str, int]:
    answer = server_client(app).delete(f"/api/users/{user_id}/")
    assert answer.status_code == 200, answer.content
    found: dict[str, int] = answer.json()["removed"]
    return found


def post(app: App, event: Any = "active", user_id: str = USER, **fields: Any) -> dict[str, Any]:
    answer = server_client(app).post("/api/events/", {"event": event, "user_id": user_id, **fields}, format="json")
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = answer.json()
    return found


def everything() -> str:
    """All rows of all tables of attribution, as text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_app_config("attribution").get_models():
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} AS t")  # noqa: S608  # names of ours
            found += [text for (text,) in cursor.fetchall()]
    return "\n".join(found)


def sums() -> dict[str, Any]:
    return {
        model.__name__: sorted(
            tuple(value for name, value in row.items() if name not in ("id", "user_key"))
            for row in model.objects.values()
        )
        for model in (EventDay, UserDay, CohortDay, PayerDay)
    }


def test_nothing_personal_is_left(pipeline: Pipeline) -> None:
    pipeline.now = timezone.now()
    pipeline.device(ANDROID_ID)
    app, client = pipeline.app, server_client(pipeline.app)
    link = f"/track/oceanengine/{app.monitor_token}/"
    clicked_ms = int((pipeline.now - timedelta(hours=1)).timestamp() * 1000)
    track = f"{link}?oaid={OAID}&callback_param=cb-7f3e9b&ts={clicked_ms}&request_id=req-7f3e9b&ip=36.1.2.3"
    assert client.get(track).status_code == 200
    post(app, user_id=ANON, **PHONE)
    client.post("/api/users/alias/", {"user_id": USER, "previous_id": ANON}, format="json")
    post(app, 2, amount=1999, outer_event_id=ORDER, properties={"name": "canary-7f3e9b"})
    pipeline.now = timezone.now()
    pipeline.deliver()
    summing.catch_up(pipeline.now)
    before = sums()
    post(app, "active_register")
    states = list(Conversion.objects.order_by("occurred_at").values_list("state", flat=True))

    receipt = removed(app)
    pipeline.now = timezone.now() + timedelta(days=1)
    delivered = pipeline.deliver()
    summing.catch_up(pipeline.now)

    assert states == ["reported", "reported", "pending"]
    assert receipt == NOTHING | {"events": 3, "attempts": 3, "attributions": 1, "clicks": 1, "previous_ids": 1}
    assert delivered == 0
    left = everything()
    assert "7f3e9b" not in left
    assert "36.1.2.3" not in left
    device = {"device": "", "device_digest": None, "body": "", "properties": None}
    assert list(Conversion.objects.values(*device).distinct()) == [device]
    click = Click.objects.get()
    assert (click.raw, click.oaid_digest, click.ip_ua_digest) == ("", None, None)
    rows = Conversion.objects.order_by("occurred_at")
    assert [(row.state, row.reason) for row in rows] == [("reported", ""), ("reported", ""), ("skipped", "erased")]
    assert [row.user_id for row in rows] == [Attribution.objects.get().user_id] * 3
    EventDay.objects.update(registrations=0)  # it came after the sums were looked at
    assert sums() == before
    assert removed(app) == NOTHING
    assert client.get(f"/api/attributions/{USER}/").status_code == 404


def test_sums_of_weeks_stay(app: App) -> None:
    world = World(app)
    for user in (USER, "another"):
        for number in range(9):
            at = NOW - timedelta(days=number)
            world.event("active", at, user=user)
            world.event("active_pay", at, user=user, channel="huawei")
            world.event("next_day_open", at, user=user)
        world.attribute(user, ADS[0], at=NOW)
        world.settle(State.REPORTED, at=NOW, user=user)
    summing.catch_up(NOW)
    before = sums()

    removed(app)

    assert list(summing.verify(days=12, now=NOW)) == []
    summing.catch_up(NOW)
    assert sums() == before
    assert list(summing.verify(days=12, now=NOW)) == []


def test_days_of_purged_records_keep_their_sums(app: App) -> None:
    world = World(app)
    world.event("active_pay", NOW - timedelta(days=3), user=USER)
    world.event("active_pay", NOW, user=USER)
    summing.catch_up(NOW)
    before = sums()
    keys = set(UserDay.objects.values_list("user_key", flat=True))
    Conversion.objects.filter(occurred_at__lt=NOW).delete()
    Conversion.objects.update(user_id=USER)

    removed(app)

    assert sums() == before
    after = set(UserDay.objects.values_list("user_key", flat=True))
    assert len(keys) == len(after) == 1
    assert keys != after


def test_what_is_posted_afterwards_begins_afresh(app: App) -> None:
    first = post(app, **PHONE)
    removed(app)

    again = post(app)

    assert (again["duplicate"], again["id"] != first["id"]) == (False, True)
    row = Conversion.objects.get(pk=again["id"])
    assert (row.user_id, row.os, row.device_ids) == (USER, "", {})


def test_earlier_id_erases_the_user_and_is_free_again(app: App) -> None:
    client = server_client(app)
    client.post("/api/users/alias/", {"user_id": USER, "previous_id": ANON}, format="json")
    post(app, **PHONE)

    assert removed(app, ANON) == NOTHING | {"events": 1, "previous_ids": 1}

    assert UserAlias.objects.count() == Erasure.objects.count() == 0
    post(app, user_id=ANON)
    assert Conversion.objects.filter(user_id=ANON).exists()


@pytest.mark.parametrize("user_id", ["alias", "u%2F1", "用户", "undefined"])
def test_any_id_can_be_erased(app: App, user_id: str) -> None:
    World(app).event("active", NOW, user={"u%2F1": "u/1"}.get(user_id, user_id))

    assert removed(app, user_id)["events"] == 1


def test_other_users_and_apps_are_untouched(app: App) -> None:
    other = App.objects.create(slug="other")
    World(other).event("active", NOW, user=USER)
    World(app).event("active", NOW, user="another")

    answers = [server_client(app).delete(f"/api/users/{USER}/?app={slug}") for slug in ("other", "nowhere")]

    assert removed(app) == NOTHING
    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["app"])] * 2
    assert set(Conversion.objects.values_list("user_id", "state")) == {(USER, "pending"), ("another", "pending")}
    assert server_client(None).delete(f"/api/users/{USER}/").status_code == 400
    assert server_client(None).delete(f"/api/users/{USER}/?app=other").json()["removed"]["events"] == 1


def test_interrupted_erasure_goes_on_under_the_same_id(app: App) -> None:
    """Killed after the first batch: the next sweep, or the next call, finishes it."""
    world, late = World(app), timezone.now() + timedelta(hours=1)
    for number in range(5):
        world.event("active_pay", NOW - timedelta(days=number), user=USER)
    began, _counts = erasing._begin(app.pk, USER, False, timezone.now())
    half = Conversion.objects.filter(pk__in=list(Conversion.objects.values_list("pk", flat=True)[:2]))
    half.update(user_id=began.anonymous_id)

    assert erasing.go_on(timezone.now()) == 0
    assert erasing.go_on(late) == 1

    assert set(Conversion.objects.values_list("user_id", flat=True)) == {began.anonymous_id}
    assert Erasure.objects.count() == 0


def test_answer_of_a_worker_that_held_a_record_leaves_nothing(pipeline: Pipeline) -> None:
    """It asked about the user before the erasure, and stores the answer after it."""
    row = pipeline.report("active", user=USER)
    Conversion.objects.filter(pk=row.pk).update(lease_token=row.pk)
    removed(pipeline.app)
    World(pipeline.app).attribute(USER, ADS[0], at=NOW)

    assert erasing.go_on(timezone.now() + timedelta(hours=1)) == 1

    summing.catch_up(timezone.now())
    assert "7f3e9b" not in everything()
    assert Conversion.objects.get().state == "skipped"


def test_tests_of_a_tester_are_erased_too(app: App) -> None:
    world = World(app)
    world.event("active", NOW, user=USER)
    Conversion.objects.update(is_test=True)
    row = Conversion.objects.get()
    world.attribute(f"test:{row.pk}", ADS[0], at=NOW)
    Attribution.objects.update(callback_param="cb-7f3e9b")

    assert removed(app)["events"] == 1

    summing.catch_up(NOW)
    assert "7f3e9b" not in everything()


def test_log_names_nobody(app: App, caplog: pytest.LogCaptureFixture) -> None:
    post(app, **PHONE)

    with caplog.at_level("INFO", logger="attribution"):
        removed(app)

    assert [record.levelname for record in caplog.records if "was erased" in record.getMessage()] == ["INFO"]
    assert USER not in caplog.text
