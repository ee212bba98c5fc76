"""An anonymous id at first launch and a login id later are one user, from the endpoint to the statistics."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from attribution.models import App, Attribution, Conversion, EventDay, UserAlias, UserDay
from attribution.statistics import summing
from attribution.users import aliasing
from tests.attribution.ad_world import ADS, World
from tests.attribution.conftest import ANDROID_ID, NOW, Pipeline, server_client, user_client

pytestmark = pytest.mark.django_db(transaction=True)

ANON, USER = "anon-5f8c", "1796071960"
PHONE: dict[str, Any] = {"os": "android", "android_id": ANDROID_ID}
NOTHING = {"events": 0, "repeated_events": 0, "attributions": 0, "chats": 0, "conversations": 0}


def say(app: App | None, /, user_id: Any = USER, previous_id: Any = ANON, **more: Any) -> Any:
    body = {"user_id": user_id, "previous_id": previous_id, **more}
    return server_client(app).post("/api/users/alias/", body, format="json")


def moved(app: App, user_id: str = USER, previous_id: str = ANON) -> dict[str, int]:
    answer = say(app, user_id, previous_id)
    assert answer.status_code == 200, answer.content
    found: dict[str, int] = answer.json()["moved"]
    return found


def post(app: App, event: Any = "active", user_id: str = ANON, **fields: Any) -> dict[str, Any]:
    answer = server_client(app).post("/api/events/", {"event": event, "user_id": user_id, **fields}, format="json")
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = answer.json()
    return found


def rows() -> dict[str, tuple[str, str, str]]:
    return {
        f"{row.event} {number}": (row.user_id, row.state, row.reason)
        for number, row in enumerate(Conversion.objects.order_by("occurred_at", "id"))
    }


def now_for(pipeline: Pipeline) -> Pipeline:
    pipeline.now = timezone.now() + timedelta(seconds=1)
    return pipeline


def test_what_the_anonymous_id_did_is_the_users(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID)
    post(pipeline.app, **PHONE)
    now_for(pipeline).deliver()

    receipt = moved(pipeline.app)
    repeat = post(pipeline.app, user_id=USER, **PHONE)
    post(pipeline.app, 2, USER, amount=1999, outer_event_id="wx-1")
    now_for(pipeline).deliver()

    assert receipt == NOTHING | {"events": 1, "attributions": 1}
    assert repeat["duplicate"] is True
    assert rows() == {"active 0": (USER, "reported", ""), "active_pay 1": (USER, "reported", "")}
    assert sorted(pipeline.reports()) == [("active", 1), ("active_pay", 1)]
    for asked in (USER, ANON):
        found = server_client(pipeline.app).get(f"/api/attributions/{asked}/").json()
        assert (found["user_id"], found["attributed"]) == (USER, True)


def test_later_events_of_the_earlier_id_are_the_users(app: App) -> None:
    moved(app)

    first = post(app, **PHONE)
    repeat = post(app, user_id=USER, **PHONE)
    with_token = user_client(app, ANON).post("/api/events/", {"event": "active", "user_id": ANON}, format="json")

    assert (repeat["id"], repeat["duplicate"]) == (first["id"], True)
    assert with_token.json()["id"] == first["id"]
    assert rows() == {"active 0": (USER, "pending", "")}


def test_a_second_call_moves_nothing(app: App) -> None:
    post(app, **PHONE)

    assert moved(app)["events"] == 1
    assert moved(app) == NOTHING
    assert moved(app, ANON, USER) == NOTHING


def test_ids_of_a_chain_are_one_user(app: App) -> None:
    for user_id in ("a", "b", "c"):
        post(app, user_id=user_id, **PHONE)

    moved(app, "b", "a")
    moved(app, "c", "b")
    again = moved(app, "b", "a")

    assert again == NOTHING
    assert rows() == {
        "active 0": ("c", "pending", ""),
        "active 1": ("c", "skipped", "same_user"),
        "active 2": ("c", "skipped", "same_user"),
    }  # fmt: skip
    assert set(UserAlias.objects.values_list("previous_id", "user_id")) == {("a", "c"), ("b", "c")}


def test_id_of_another_user_is_refused(app: App) -> None:
    """Two people who log in on one phone: its anonymous id is the first one's."""
    moved(app)

    refused = say(app, "another", ANON)

    assert (refused.status_code, list(refused.json())) == (409, ["previous_id"])
    assert ANON not in refused.content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user_id": "u", "previous_id": "u"}, "previous_id"),
        ({"user_id": "u"}, "previous_id"),
        ({"previous_id": "u"}, "user_id"),
        ({"user_id": "", "previous_id": "a"}, "user_id"),
        ({"user_id": "u", "previous_id": None}, "previous_id"),
        ({"user_id": "undefined", "previous_id": "a"}, "user_id"),
        ({"user_id": "u", "previous_id": "00000000-0000-0000-0000-000000000000"}, "previous_id"),
        ({"user_id": "u", "previous_id": "guest"}, "previous_id"),
        ({"user_id": "u" * 129, "previous_id": "a"}, "user_id"),
        ({"user_id": ["u"], "previous_id": "a"}, "user_id"),
        ({"user_id": "u\u0000", "previous_id": "a"}, "user_id"),
        ({"user_id": "u", "previous_id": "a", "app": "nowhere"}, "app"),
        ({"user_id": "u", "previous_id": "a", "app": "other"}, "app"),
        ([], "non_field_errors"),
    ],
)
def test_bad_alias_is_refused(app: App, body: Any, field: str) -> None:
    App.objects.create(slug="other")

    answer = server_client(app).post("/api/users/alias/", body, format="json")

    assert answer.status_code == 400, answer.content
    assert field in answer.json()


def test_key_without_an_app_names_one(app: App) -> None:
    assert say(None).json() == {"app": ["Required: this key has no app of its own."]}
    assert say(None, app="demo").status_code == 200
    assert UserAlias.objects.get().app == app


def test_user_token_may_not(app: App) -> None:
    client = user_client(app, USER)

    answers = [
        client.post("/api/users/alias/", {"user_id": USER, "previous_id": ANON}, format="json"),
        client.delete(f"/api/users/{USER}/"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_other_apps_users_are_untouched(app: App) -> None:
    other = App.objects.create(slug="other")
    post(other, **PHONE)

    assert moved(app) == NOTHING
    assert rows() == {"active 0": (ANON, "pending", "")}


@pytest.mark.parametrize("reported", ["neither", "earlier", "later", "both"])
def test_once_only_event_of_both_ids_counts_once(pipeline: Pipeline, reported: str) -> None:
    """Whichever was reported stays so, and nothing is reported twice from then on."""
    pipeline.device(ANDROID_ID)
    App.objects.update(activates_once_per_callback=False)
    early, late = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    device = {"os": "android", "device": {"android_id": ANDROID_ID}}
    wanted = {"neither": (), "earlier": (ANON,), "later": (USER,), "both": (ANON, USER)}[reported]
    for user, at in ((ANON, early), (USER, late)):
        pipeline.now = at
        row = pipeline.report("active", user=user, occurred_at=at, **device)
        if user not in wanted:
            Conversion.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(days=1))
        pipeline.deliver()

    receipt = moved(pipeline.app)
    now_for(pipeline).deliver()
    pipeline.now += timedelta(days=2)
    pipeline.deliver()

    assert (receipt["events"], receipt["repeated_events"]) == (1, 1)
    states = {
        "neither": [("reported", ""), ("skipped", "same_user")],
        "earlier": [("reported", ""), ("skipped", "same_user")],
        "later": [("skipped", "same_user"), ("reported", "")],
        "both": [("reported", ""), ("reported", "same_user")],
    }[reported]
    assert [found[1:] for found in rows().values()] == states
    assert len(pipeline.reports()) == (2 if reported == "both" else 1)
    summing.catch_up(pipeline.now)
    assert sum(EventDay.objects.values_list("activations", flat=True)) == 1
    assert list(summing.verify(days=5, now=pipeline.now)) == []


@pytest.mark.parametrize(
    ("of_anon", "of_user", "ad"),
    [(0, None, 0), (None, 0, 0), (0, 1, 0), (1, 0, 1), (None, None, None), (0, "none", 0), ("none", 0, 0)],
)
def test_ad_of_either_is_the_users(app: App, of_anon: Any, of_user: Any, ad: int | None) -> None:
    """ "none": no answer is stored. If both have an ad, it is that of the earlier activation."""
    world = World(app)
    for number, (user, index) in enumerate(((ANON, of_anon), (USER, of_user))):
        at = NOW + timedelta(hours=number)
        world.event("active", at, user=user)
        world.event("active_pay", at, user=user)
        if index != "none":
            world.attribute(user, None if index is None else ADS[index], at=at)
    summing.catch_up(NOW)

    moved(app)
    summing.catch_up(NOW)

    assert list(summing.verify(days=12, now=NOW)) == []
    found = Attribution.objects.get(user_id=USER)
    assert found.ad_id == (None if ad is None else ADS[ad].ad)
    assert not Attribution.objects.filter(user_id=ANON, is_attributed=True).exists()
    [day] = UserDay.objects.all()
    assert (day.payments, day.amount_fen, day.ad_id) == (2, 200, 0 if ad is None else ADS[ad].ad)
    assert moved(app) == NOTHING


def test_organic_events_go_out_once_an_alias_brings_an_ad(pipeline: Pipeline) -> None:
    pipeline.device(ANDROID_ID)
    pipeline.device("ffff000011112222", attributed=False)
    post(pipeline.app, **PHONE)
    post(pipeline.app, "active_register", USER, os="android", android_id="ffff000011112222")
    now_for(pipeline).deliver()

    moved(pipeline.app)
    now_for(pipeline).deliver()

    assert [found[1] for found in rows().values()] == ["reported", "reported"]


def test_event_that_was_on_its_way_moves_with_the_sweep(app: App) -> None:
    """It was being stored while the alias was, and a worker's answer came later."""
    moved(app)
    World(app).attribute(ANON, ADS[0], at=NOW)
    post(app, user_id="x", **PHONE)
    Conversion.objects.update(user_id=ANON)

    assert aliasing.move_late(timezone.now()) == 1
    assert aliasing.move_late(timezone.now()) == 0

    assert rows() == {"active 0": (USER, "pending", "")}
    assert Attribution.objects.get().user_id == USER


def test_simultaneous_aliases_give_an_id_to_one_user(app: App) -> None:
    post(app, **PHONE)
    answers: list[int] = []

    def call(user_id: str) -> None:
        answers.append(say(app, user_id).status_code)

    threads = [threading.Thread(target=call, args=[f"u-{number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, 409, 409, 409]
    assert Conversion.objects.get().user_id == UserAlias.objects.get().user_id
