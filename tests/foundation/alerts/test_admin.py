"""Channels, rules and the log in the admin, as members of the groups see them."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from foundation.alerts.models import Channel, Notice, Rule
from tests.foundation.alerts.conftest import World
from tests.foundation.alerts.robots import SECRET, TOKEN

CHANNELS, RULES = "/admin/alerts/channel/", "/admin/alerts/rule/"
PAGES = [CHANNELS, RULES, "/admin/alerts/incident/", "/admin/alerts/notice/"]

pytestmark = pytest.mark.django_db


def member(group: str) -> Client:
    user = User.objects.create(username=group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def operator(world: World) -> Client:
    return member("Operators")


def typed(world: World, **fields: Any) -> dict[str, Any]:
    usual = {
        "name": "ops", "kind": "feishu", "url": world.robots.address("feishu"), "secret": SECRET, "language": "en",
        "is_enabled": "on", "recipients": "",
    }  # fmt: skip
    return usual | fields


def test_operator_makes_a_channel_that_works(world: World, operator: Client) -> None:
    operator.post(f"{CHANNELS}add/", typed(world), follow=True)
    channel = Channel.objects.get()

    page = operator.post(f"{CHANNELS}{channel.pk}/test/").content.decode()

    assert "The channel took the test message." in page
    assert "&quot;msg&quot;:&quot;success&quot;" in page
    [text] = world.robots.taken
    assert text.startswith("[Rivermouth] Test of the channel “ops”\n")
    assert text.endswith(f"https://rivermouth.test{CHANNELS}{channel.pk}/change/")


def test_address_and_secret_are_encrypted_and_never_shown(world: World, operator: Client) -> None:
    operator.post(f"{CHANNELS}add/", typed(world))
    channel = Channel.objects.get()
    world.bad = {"a": 1}
    world.round()

    pages = [operator.get(page, follow=True) for page in [*PAGES, f"{CHANNELS}{channel.pk}/change/"]]
    pages.append(operator.post(f"{CHANNELS}{channel.pk}/test/"))
    stored = Channel.objects.values_list("sealed_url", "sealed_secret").get()

    assert [page.status_code for page in pages] == [200] * 6
    assert (channel.url, channel.secret) == (world.robots.address("feishu"), SECRET)
    for secret in (TOKEN, SECRET):
        assert [secret in page.content.decode() for page in pages] == [False] * 6
        assert [secret in column for column in stored] == [False, False]
    assert "http://127.0.0.1/…obot" in pages[4].content.decode()


def test_empty_fields_keep_the_stored_values(world: World, operator: Client) -> None:
    operator.post(f"{CHANNELS}add/", typed(world))
    Channel.objects.update(failures=3)
    channel = Channel.objects.get()
    change = f"{CHANNELS}{channel.pk}/change/"

    operator.post(change, typed(world, name="renamed", url="", secret=""))
    renamed = Channel.objects.get()
    operator.post(change, typed(world, url="https://open.feishu.test/hook/2", secret="", forget_secret="on"))
    changed = Channel.objects.get()

    assert (renamed.name, renamed.url, renamed.secret) == ("renamed", channel.url, SECRET)
    assert (changed.url, changed.secret) == ("https://open.feishu.test/hook/2", "")


def test_channel_is_deleted_with_its_log(world: World, operator: Client) -> None:
    channel = world.channel()
    world.bad = {"a": 1}
    world.round()

    operator.post(f"{CHANNELS}{channel.pk}/delete/", {"post": "yes"})

    assert not Channel.objects.exists()
    assert not Notice.objects.exists()


def test_saving_a_channel_leaves_alone_what_a_worker_writes(
    world: World, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker claims the channel between the form's reading and its writing."""
    channel = world.channel()
    token = uuid.uuid4()

    def claim(*arguments: Any) -> None:
        Channel.objects.update(lease_token=token, failures=2)

    with monkeypatch.context() as patch:
        patch.setattr(Channel, "try_at_once", claim)
        operator.post(f"{CHANNELS}{channel.pk}/change/", typed(world, name="renamed", url="", secret=""))

    channel.refresh_from_db()
    assert (channel.name, channel.lease_token, channel.failures) == ("renamed", token, 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "ftp://127.0.0.1/x"}, "It begins with https:// or http://."),
        ({"url": "file:///etc/passwd"}, "Enter a valid URL."),
        ({"url": ""}, "This kind of channel needs an address."),
        ({"kind": "wecom"}, "This kind of channel does not sign."),
        ({"kind": "email", "url": "", "secret": ""}, "E-mail needs a recipient."),
        ({"kind": "email", "url": "", "secret": "", "recipients": "a@x.test, b"}, "b: Enter a valid email address."),
    ],
)
def test_channel_that_cannot_work_is_refused(world: World, operator: Client, wrong: dict[str, str], said: str) -> None:
    page = operator.post(f"{CHANNELS}add/", typed(world, **wrong)).content.decode()

    assert said in page
    assert not Channel.objects.exists()


def test_test_shows_what_the_channel_answered_when_it_says_no(world: World, operator: Client) -> None:
    operator.post(f"{CHANNELS}add/", typed(world, secret="another"))

    page = operator.post(f"{CHANNELS}{Channel.objects.get().pk}/test/").content.decode()

    assert "The channel did not take the test message." in page
    assert "HTTP 200 {&quot;code&quot;:19021," in page


def test_test_that_works_ends_the_pause_of_a_channel(world: World, operator: Client) -> None:
    channel = world.channel()
    world.bad = {"a": 1}
    world.robots.fault = (500, {}, b"")
    world.round()
    world.robots.fault = None

    operator.post(f"{CHANNELS}{channel.pk}/test/")

    assert world.send() == 1


def test_test_message_needs_a_post_and_the_right(world: World, operator: Client) -> None:
    channel = world.channel()
    address = f"{CHANNELS}{channel.pk}/test/"
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(User.objects.get(username="Operators"))

    answers = [
        operator.get(address),
        member("Marketers").post(address),
        Client().post(address),
        forged.post(address),
        operator.post(f"{CHANNELS}{channel.pk + 1}/test/"),
    ]

    assert [answer.status_code for answer in answers] == [405, 403, 302, 403, 404]
    assert world.robots.asked == 0


def test_failure_of_a_channel_is_seen_in_the_list(world: World, operator: Client) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.robots.fault = (503, {}, b"maintenance")

    world.round()

    page = operator.get(CHANNELS).content.decode()
    assert "failing, 1 time in a row" in page
    assert "HTTP 503 maintenance" in page
    assert "HTTP 503 maintenance" in operator.get("/admin/alerts/notice/").content.decode()


def test_rules_are_there_before_the_first_sweep(world: World, operator: Client) -> None:
    page = operator.get(RULES).content.decode()

    rule = Rule.objects.get()
    assert f"{RULES}{rule.pk}/change/" in page
    assert "every channel" in page


def test_operator_changes_a_rule(world: World, operator: Client) -> None:
    channel, rule = world.channel(), world.rule
    asked = {
        "is_enabled": "on", "threshold": "5", "channels": [channel.pk], "reminder_hours": "12",
        "over_after_minutes": "3", "quiet_from": "22:00", "quiet_until": "08:00",
    }  # fmt: skip

    operator.post(f"{RULES}{rule.pk}/change/", asked)

    rule.refresh_from_db()
    assert (rule.threshold, rule.reminder_hours, list(rule.channels.all())) == (5, 12, [channel])
    assert "22:00–08:00" in operator.get(RULES).content.decode()


def test_quiet_hours_need_both_ends(world: World, operator: Client) -> None:
    asked = {"threshold": "1", "reminder_hours": "4", "over_after_minutes": "2", "quiet_from": "22:00"}

    page = operator.post(f"{RULES}{world.rule.pk}/change/", asked).content.decode()

    assert "Quiet hours have a beginning and an end." in page


def test_nobody_adds_or_deletes_rules_and_logs(world: World, admin_client: Client) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.round()

    assert [admin_client.get(f"{page}add/").status_code for page in PAGES] == [200, 403, 403, 403]
    assert admin_client.post(f"{RULES}{world.rule.pk}/delete/", {"post": "yes"}).status_code == 403


def test_marketers_look_and_edit_nothing(world: World) -> None:
    channel, rule = world.channel(), world.rule
    world.bad = {"a": 1}
    world.round()
    browser = member("Marketers")

    assert [browser.get(page).status_code for page in PAGES] == [200] * 4
    page = browser.get(f"{CHANNELS}{channel.pk}/change/").content.decode()
    assert (TOKEN in page, "Send a test message" in page) == (False, False)
    assert browser.post(f"{CHANNELS}{channel.pk}/change/", typed(world)).status_code == 403
    assert browser.post(f"{RULES}{rule.pk}/change/", {"threshold": "9"}).status_code == 403


def test_log_has_what_was_sent_and_where_it_is_mended(world: World, operator: Client) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.round()

    incidents = operator.get("/admin/alerts/incident/").content.decode()
    messages = operator.get("/admin/alerts/notice/").content.decode()

    assert "kiln a is at 1" in incidents
    assert 'href="/admin/kiln/a/"' in incidents
    assert "kiln a is at 1" in messages
    assert "success" in messages
