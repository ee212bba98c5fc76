"""联调: a test is asked about and reported each time, is in no statistic, and has a page that says what is missing."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from attribution.admin.debug_devices import DebugDeviceForm
from attribution.admin.pages import testing
from attribution.clicks import storage
from attribution.clicks.storage import NewClick
from attribution.events import known_apps
from attribution.models import Attribution, Conversion, DebugDevice
from attribution.platforms.oceanengine import clicks
from attribution.statistics import summing
from tests.attribution import ad_world
from tests.attribution.conftest import ANDROID_ID, Pipeline, server_client

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/attribution/conversion/testing/"


@pytest.fixture(autouse=True)
def _new_apps() -> None:
    known_apps._known.clear()


@pytest.fixture
def client(pipeline: Pipeline) -> APIClient:
    return server_client(pipeline.app)


@pytest.fixture
def browser(db: None) -> Client:
    user = User.objects.create(username="marketer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_conversion", "view_click"]))
    browser = Client()
    browser.force_login(user)
    return browser


def post(client: APIClient, **fields: Any) -> dict[str, Any]:
    event = {"event": "active", "user_id": "tester", "os": "android", "android_id": ANDROID_ID} | fields
    answer = client.post("/api/events/", event, format="json")
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = answer.json()
    return found


def deliver(pipeline: Pipeline) -> None:
    """At the server's clock, which the endpoint went by."""
    pipeline.now = Conversion.objects.latest("received_at").received_at
    pipeline.deliver()


def test_test_is_asked_about_and_reported_each_time_with_an_id_of_its_own(
    pipeline: Pipeline, client: APIClient
) -> None:
    answers = []
    for _time in range(3):
        answers.append(post(client, test=True))
        deliver(pipeline)

    assert [answer["duplicate"] for answer in answers] == [False] * 3
    assert len({answer["id"] for answer in answers}) == 3
    rows = Conversion.objects.filter(pk__in=[answer["id"] for answer in answers])
    assert {row.state for row in rows} == {"reported"}
    assert len(pipeline.ledger()["lookups"]) == 3
    sent = {found["outer_event_id"] for found in pipeline.ledger()["conversions"]}
    assert sent == {str(row.pk) for row in rows}


def test_payment_of_a_test_takes_no_order_of_the_app(pipeline: Pipeline, client: APIClient) -> None:
    post(client, event="active_pay", amount=1, outer_event_id="order-1", test=True)
    post(client, event="active_pay", amount=1, outer_event_id="order-1", test=True)
    real = post(client, event="active_pay", amount=1999, outer_event_id="order-1")
    deliver(pipeline)

    assert real["duplicate"] is False
    assert pipeline.reports() == [("active_pay", 1)] * 3


def test_phone_on_the_test_list_needs_no_field(pipeline: Pipeline, client: APIClient) -> None:
    device = DebugDevice(app=pipeline.app, name="Pixel")
    device.write_id(f" {ANDROID_ID.upper()} ")
    device.save()

    post(client)
    again = post(client)
    other = post(client, user_id="u-2", android_id="another")

    rows = {str(row.pk): row.is_test for row in Conversion.objects.all()}
    assert (again["duplicate"], rows[again["id"]], rows[other["id"]]) == (False, True, False)
    assert ANDROID_ID not in device.device


def test_tests_are_in_no_sum_and_derive_nothing(pipeline: Pipeline, client: APIClient) -> None:
    pipeline.app.key_behaviour_event, pipeline.app.key_behaviour_count = "active_register", 1
    pipeline.app.save()
    post(client, user_id="real")
    for event in ("active", "active_register", "active_register"):
        post(client, user_id="real", event=event, test=True)
    post(client, user_id="tester", event="active_pay", amount=5, outer_event_id="o", test=True)
    deliver(pipeline)

    summing.catch_up(pipeline.now)

    sums = ad_world.stored(pipeline.app)
    assert sum(values[0] for values in sums["events"].values()) == 1
    assert [sum(column) for column in zip(*(values[1:] for values in sums["events"].values()), strict=True)] == [0] * 6
    assert sum(sums["states"].values()) == 1
    assert not Conversion.objects.filter(event="game_addiction").exists()
    assert list(summing.verify(days=3, now=pipeline.now)) == []


def test_test_knows_nothing_of_the_users_ad_and_changes_nothing_of_it(pipeline: Pipeline, client: APIClient) -> None:
    post(client, user_id="real")
    deliver(pipeline)
    before = Attribution.objects.get(user_id="real").asked_at

    post(client, user_id="real", test=True)
    deliver(pipeline)

    assert len(pipeline.ledger()["lookups"]) == 2
    assert Attribution.objects.get(user_id="real").asked_at == before
    assert pipeline.reports() == [("active", 1), ("active", 1)]


def test_list_of_records_leaves_tests_out_unless_asked(pipeline: Pipeline, client: APIClient, browser: Client) -> None:
    record = post(client, test=True)
    everything = "/admin/attribution/conversion/"

    pages = [browser.get(everything, query).content.decode() for query in ({}, {"test": "1"}, {"id": record["id"]})]

    assert [record["id"] in page for page in pages] == [False, True, True]


def click(pipeline: Pipeline, query: str) -> None:
    said = clicks.read(query, received_at=pipeline.now)
    storage.store([NewClick(pipeline.app.pk, "oceanengine", pipeline.now, query, said)])


def test_page_shows_each_step_of_a_test(pipeline: Pipeline, client: APIClient, browser: Client) -> None:
    post(client, oaid="oaid-1", test=True)
    deliver(pipeline)
    click(pipeline, "oaid=oaid-1&callback_param=cb&request_id=r1")

    [trial] = testing.trials()
    page = browser.get(PAGE)

    assert [check.is_done for check in trial.checks] == [True] * 5
    assert trial.missing == ""
    assert (page.status_code, "The platform took it." in page.content.decode()) == (200, True)
    assert ANDROID_ID not in page.content.decode()


def test_page_says_what_is_missing(pipeline: Pipeline, client: APIClient) -> None:
    post(client, android_id="organic-1", test=True)
    waiting = testing.trials()[0]
    deliver(pipeline)
    [trial] = testing.trials()

    assert ([check.is_done for check in waiting.checks], waiting.missing) == (
        [False, None, None, None, None], "The platform is being asked.",
    )  # fmt: skip
    assert [check.is_done for check in trial.checks] == [False, True, False, None, None]
    assert trial.missing.startswith("The platform knows no click of this phone, and none came to the monitor link.")


def test_page_names_the_platforms_refusal(pipeline: Pipeline, client: APIClient) -> None:
    pipeline.fault("conversion", "error_in_200", code=107, message="callback 已过期")
    post(client, test=True)
    deliver(pipeline)

    [trial] = testing.trials()

    assert [check.is_done for check in trial.checks] == [False, True, True, True, False]
    assert trial.checks[-1].sentence == "rejected · code 107 · the callback has expired"
    assert trial.missing == "It ended: code 107: callback 已过期."


def test_click_without_a_callback_is_told(pipeline: Pipeline, client: APIClient) -> None:
    click(pipeline, "oaid=oaid-2&request_id=r2")
    post(client, android_id="organic-2", oaid="oaid-2", test=True)
    deliver(pipeline)

    [trial] = testing.trials()

    assert trial.checks[0].is_done is False
    assert trial.checks[0].sentence.startswith("It brought no callback")


def test_page_lists_phones_with_their_newest_click(pipeline: Pipeline, browser: Client) -> None:
    device = DebugDevice(app=pipeline.app, name="Pixel")
    device.write_id("oaid-3")
    device.save()
    before = browser.get(PAGE).content.decode()
    click(pipeline, "oaid=oaid-3&callback_param=cb&request_id=r3")

    after = browser.get(PAGE).content.decode()

    assert "no click has come to the monitor link" in before
    assert "newest click" in after
    assert "oaid-3" not in after


def test_page_is_for_those_who_see_records(db: None) -> None:
    user = User.objects.create(username="nobody", is_staff=True)
    stranger = Client()
    stranger.force_login(user)

    assert stranger.get(PAGE).status_code == 403


def test_test_device_is_entered_in_the_admin_and_shown_masked(pipeline: Pipeline) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    pages = "/admin/attribution/debugdevice/"

    answer = admin.post(f"{pages}add/", {"app": pipeline.app.pk, "name": "Pixel", "device_id": "5f8c1e0b7a92d999"})
    device = DebugDevice.objects.get()
    shown = admin.get(pages).content.decode() + admin.get(f"{pages}{device.pk}/change/").content.decode()
    admin.post(f"{pages}{device.pk}/change/", {"app": pipeline.app.pk, "name": "Renamed", "device_id": ""})
    renamed = DebugDevice.objects.get()

    assert (answer.status_code, device.raw_id) == (302, "5f8c1e0b7a92d999")
    assert ("5f8c1e0b7a92d999" in shown, device.masked_id in shown) == (False, True)
    assert (renamed.name, renamed.raw_id) == ("Renamed", "5f8c1e0b7a92d999")


@pytest.mark.parametrize("device_id", ["", "unknown", "00000000-0000-0000-0000-000000000000"])
def test_placeholder_is_no_test_device(pipeline: Pipeline, device_id: str) -> None:
    form = DebugDeviceForm({"app": pipeline.app.pk, "name": "Pixel", "device_id": device_id})

    assert list(form.errors) == ["device_id"]
