"""Channels that are down, processes that are killed, and two that send at once."""

import threading
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from foundation.alerts import rounds, sending
from foundation.alerts.models import RETRY_AFTER, RETRY_AFTER_MAX, Channel, Notice
from tests.foundation.alerts.conftest import World
from tests.foundation.alerts.robots import TOKEN

HOUR = timedelta(hours=1)


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.django_db
def test_log_has_the_text_and_the_answer(world: World) -> None:
    world.channel()
    world.bad = {"a": 1}

    world.round()

    notice = Notice.objects.get()
    assert (notice.state, notice.attempts) == ("sent", 1)
    assert notice.text == world.robots.taken[0]
    assert '"msg":"success"' in notice.answer
    assert notice.sent_at is not None


@pytest.mark.django_db
def test_channel_that_is_down_is_tried_again_and_backs_off(world: World) -> None:
    channel = world.channel()
    world.bad = {"a": 1}
    world.robots.fault = (502, {}, b"Bad Gateway")
    pauses = []
    for _attempt in range(9):
        world.round()
        channel.refresh_from_db()
        assert channel.retry_at is not None
        pauses.append((channel.retry_at - world.now) / timedelta(seconds=1))
        asked = world.robots.asked
        world.round(seconds=pauses[-1] - 1)
        assert world.robots.asked == asked  # it is left alone until then
        world.now = channel.retry_at

    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses[-1] == RETRY_AFTER_MAX / timedelta(seconds=1)
    assert (channel.failures, channel.last_error) == (9, "HTTP 502 Bad Gateway")

    world.robots.fault = None
    assert world.round(minutes=1) == ["[Rivermouth] Alert: kiln a is at 1"]
    channel.refresh_from_db()
    assert (channel.failures, channel.last_error, channel.retry_at) == (0, "", None)
    assert Notice.objects.get().attempts == 10


@pytest.mark.django_db
def test_channel_says_how_long_it_wants_to_be_left_alone(world: World) -> None:
    channel = world.channel("slack")
    world.bad = {"a": 1}
    world.robots.fault = (429, {"Retry-After": "300"}, b"")

    world.round()

    channel.refresh_from_db()
    assert channel.retry_at is not None
    assert channel.retry_at - world.now == timedelta(seconds=300) > RETRY_AFTER


@pytest.mark.django_db
def test_channel_that_is_down_keeps_no_other_waiting(world: World) -> None:
    dead = world.channel("slack")
    dead.url = "http://127.0.0.1:9/services/T/B/xxxxxxxx"
    dead.save()
    world.channel("feishu")
    world.bad = {"a": 1}

    assert world.round() == ["[Rivermouth] Alert: kiln a is at 1"]
    assert set(Notice.objects.values_list("channel__name", "state")) == {("slack", "waiting"), ("feishu", "sent")}


@pytest.mark.django_db
def test_sweep_asks_no_channel(world: World) -> None:
    world.channel()
    world.bad = {"a": 1}

    assert rounds.notice(world.now) == 1

    assert world.robots.asked == 0
    assert world.states() == [("began", "waiting")]


@pytest.mark.django_db
def test_who_was_not_told_that_it_began_is_not_told_that_it_is_over(world: World) -> None:
    world.set_rule(over_after_minutes=0)
    world.channel()
    world.bad = {"a": 1}
    world.look()
    world.bad = {}

    assert world.round(minutes=1) == []
    assert world.states() == [("began", "dropped")]


@pytest.mark.django_db
def test_who_may_have_been_told_is_told_that_it_is_over(world: World) -> None:
    """A timeout says nothing about what arrived."""
    world.set_rule(over_after_minutes=0)
    world.channel()
    world.bad = {"a": 1}
    world.robots.fault = (504, {}, b"")
    world.round()
    world.bad, world.robots.fault = {}, None
    Channel.objects.update(retry_at=None)

    assert world.round(minutes=2) == ["[Rivermouth] Over after 2 minutes: kiln a has cooled down"]
    assert world.states() == [("began", "dropped"), ("over", "sent")]


@pytest.mark.django_db
def test_killed_before_it_sends_nothing_is_lost_and_nothing_doubled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.look()

    def die(batch: sending.Batch) -> sending.Batch:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_send", die)
        with pytest.raises(KilledError):
            world.send()
    at_once = world.send()
    Channel.objects.update(lease_until=world.now - HOUR)
    later = world.send()

    assert (at_once, later) == (0, 1)
    assert len(world.robots.taken) == 1


@pytest.mark.django_db
def test_killed_between_sending_and_writing_sends_again_with_the_same_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only way to get a second message, which a receiver can recognise."""
    world.channel("webhook")
    world.bad = {"a": 1}
    world.look()

    def die(batch: sending.Batch, now: datetime) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_write", die)
        with pytest.raises(KilledError):
            world.send()
    Channel.objects.update(lease_until=world.now - HOUR)
    world.send()

    first, second = (headers["webhook-id"] for headers in world.robots.headers)
    assert first == second
    assert world.states() == [("began", "sent")]


@pytest.mark.django_db
def test_process_that_was_frozen_past_its_lease_writes_over_nobodys_work(world: World) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.look()
    [frozen] = sending._claimed(world.now)
    Channel.objects.update(lease_until=world.now - HOUR)
    world.send()

    frozen.error = "TimeoutError"
    sending._write(frozen, world.now)

    assert world.states() == [("began", "sent")]
    assert Channel.objects.get().failures == 0


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_tell_once(world: World) -> None:
    """Rounds and sendings side by side, each on a connection of its own."""
    world.channel()
    world.set_rule()
    world.bad = {"a": 1, "b": 1}
    world.robots.delay_s = 0.2

    def work() -> None:
        try:
            rounds.look(world.now)
            sending.send_all(clock=lambda: world.now)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.robots.delay_s = 0
    world.round(minutes=1)

    said = "\n".join(world.robots.taken)
    assert [said.count(f"kiln {key} is at 1") for key in "ab"] == [1, 1]
    assert Notice.objects.count() == 2


@pytest.mark.django_db
def test_many_channels_that_hang_are_waited_for_side_by_side(world: World) -> None:
    for number in range(6):
        world.channel("slack", name=f"slack {number}")
    world.robots.delay_s = 0.5
    world.bad = {"a": 1}
    world.look()

    began = time.monotonic()
    assert world.send() == 6

    assert time.monotonic() - began < 2.5


@pytest.mark.django_db
def test_answer_that_quotes_the_request_is_kept_without_its_secrets(world: World) -> None:
    world.channel("dingtalk")
    world.robots.fault = (400, {}, f"no robot {world.robots.address('dingtalk')} ({TOKEN})".encode())
    world.bad = {"a": 1}

    world.round()

    answer = Notice.objects.get().answer
    assert TOKEN not in answer
    assert answer == "HTTP 400 no robot … (…)"


@pytest.mark.django_db
def test_channel_whose_key_is_gone_says_so(world: World) -> None:
    world.channel()
    Channel.objects.update(sealed_url="gAAAAAB-of-another-key")
    world.bad = {"a": 1}

    world.round()

    assert Channel.objects.get().last_error == "not encrypted by any of the keys of FIELD_ENCRYPTION_KEY"
    assert world.states() == [("began", "waiting")]


@pytest.mark.django_db
def test_what_waits_when_quiet_hours_begin_is_put_off(world: World) -> None:
    world.channel()
    world.bad = {"a": 1}
    world.look()
    local = timezone.localtime(world.now)
    world.set_rule(quiet_from=(local - HOUR).time(), quiet_until=(local + HOUR).time())
    quiet = world.send()
    world.set_rule(quiet_from=None, quiet_until=None)

    assert (quiet, world.send()) == (0, 1)
