"""One message per cause, reminders, an all-clear: what people receive over time."""

from datetime import time

import pytest
from django.db import connection

from foundation.alerts import rounds
from foundation.alerts.models import Channel, Incident, Notice, Rule
from foundation.hooks.alerts import NotKnownError
from tests.foundation.alerts.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(world: World) -> World:
    """A world whose only channel is told about everything."""
    world.channel()
    return world


def test_cause_is_told_once(told: World) -> None:
    told.bad = {"a": 1}

    first, *later = [told.round(minutes=minutes) for minutes in (0, 0.5, 0.5, 60)]

    assert first == ["[Rivermouth] Alert: kiln a is at 1"]
    assert later == [[], [], []]


def test_message_says_since_when_and_where_it_is_mended(told: World) -> None:
    told.bad = {"a": 1}

    told.round()

    assert told.robots.taken == [
        "[Rivermouth] Alert: kiln a is at 1\nSince 2026-12-01 12:00\nhttps://rivermouth.test/admin/kiln/a/"
    ]


def test_reminders_come_after_hours_and_the_all_clear_at_the_end(told: World) -> None:
    told.set_rule(reminder_hours=4, over_after_minutes=0)
    told.bad = {"a": 1}
    told.round()

    reminders = [told.round(hours=hours) for hours in (3, 1, 3, 1)]
    told.bad = {}
    over = told.round(hours=0.5)

    assert reminders == [
        [],
        ["[Rivermouth] Still, for 4 hours: kiln a is at 1"],
        [],
        ["[Rivermouth] Still, for 8 hours: kiln a is at 1"],
    ]
    assert over == ["[Rivermouth] Over after 8 hours, 30 minutes: kiln a has cooled down"]
    assert told.round(hours=10) == []


def test_reminders_can_be_switched_off(told: World) -> None:
    told.set_rule(reminder_hours=0)
    told.bad = {"a": 1}
    told.round()

    assert told.round(hours=50) == []


def test_what_comes_and_goes_is_one_alert(told: World) -> None:
    told.set_rule(over_after_minutes=2)
    told.bad = {"a": 1}
    told.round()
    told.bad = {}
    gone = told.round(minutes=1)
    told.bad = {"a": 1}
    back = told.round(minutes=1)
    told.bad = {}

    assert (gone, back) == ([], [])
    assert told.round(minutes=1) == []
    assert told.round(minutes=1) == ["[Rivermouth] Over after 4 minutes: kiln a has cooled down"]


def test_cause_that_comes_back_after_its_all_clear_is_told_again(told: World) -> None:
    told.set_rule(over_after_minutes=0)
    told.bad = {"a": 1}
    told.round()
    told.bad = {}
    told.round(minutes=1)
    told.bad = {"a": 2}

    assert told.round(minutes=1) == ["[Rivermouth] Alert: kiln a is at 2"]
    assert Incident.objects.count() == 2


def test_threshold_decides_what_is_bad(told: World) -> None:
    told.set_rule(threshold=5, over_after_minutes=0)
    told.bad = {"a": 4, "b": 5}

    assert told.round() == ["[Rivermouth] Alert: kiln b is at 5"]

    told.set_rule(threshold=6)
    assert told.round(minutes=1) == ["[Rivermouth] Over after 1 minute: kiln b has cooled down"]


def test_causes_that_come_together_share_a_message(told: World) -> None:
    told.bad = {"a": 1, "b": 1, "c": 1}

    told.round()

    [text] = told.robots.taken
    assert [text.count(f"kiln {key} is at 1") for key in "abc"] == [1, 1, 1]


def test_storm_is_one_message_that_fits(world: World) -> None:
    world.channel("wecom")
    world.bad = {f"{number:04}": 1 for number in range(500)}

    world.round()

    [text] = world.robots.taken
    shown = text.count("Alert: kiln")
    assert 5 < shown < 25
    assert f"… and {500 - shown} more: https://rivermouth.test/admin/alerts/incident/" in text
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}
    assert world.round(minutes=1) == []


def test_rule_tells_its_channels_only(world: World) -> None:
    world.channel("feishu"), world.channel("slack")
    owner = world.channel("dingtalk")
    world.rule.channels.add(owner)
    world.bad = {"a": 1}

    world.round()

    assert list(Notice.objects.values_list("channel__name", flat=True)) == ["dingtalk"]
    assert len(world.robots.taken) == 1


def test_rule_without_channels_tells_all_that_are_on(world: World) -> None:
    world.channel("feishu"), world.channel("slack")
    world.channel("wecom", is_enabled=False)
    world.bad = {"a": 1}

    world.round()

    assert sorted(Notice.objects.values_list("channel__name", flat=True)) == ["feishu", "slack"]


def test_each_channel_has_its_language(world: World) -> None:
    world.channel("feishu", language="zh-hans"), world.channel("slack", language="en")
    world.bad = {"a": 1}

    world.round()

    chinese, english = sorted(world.robots.taken, key=lambda text: "Alert" in text)
    assert english.startswith("[Rivermouth] Alert: kiln a is at 1\nSince 2026-12-01 12:00\n")
    assert chinese.startswith("[Rivermouth] 告警：kiln a is at 1\n开始于 2026-12-01 12:00\n")


def test_quiet_hours_delay_alerts_that_are_still_true_at_their_end(told: World) -> None:
    told.set_rule(quiet_from=time(11), quiet_until=time(14), over_after_minutes=0)
    told.bad = {"lasts": 1, "passes": 1}
    quiet = told.round()
    told.bad = {"lasts": 1}
    quiet += told.round(hours=1)

    assert quiet == []
    assert told.round(hours=1) == ["[Rivermouth] Alert: kiln lasts is at 1"]


def test_all_clear_waits_for_the_end_of_quiet_hours(told: World) -> None:
    told.set_rule(quiet_from=time(13), quiet_until=time(14), over_after_minutes=0)
    told.bad = {"a": 1}
    told.round()
    told.bad = {}

    assert told.round(hours=1) == []
    assert told.round(hours=1) == ["[Rivermouth] Over after 1 hour: kiln a has cooled down"]


def test_quiet_hours_may_go_over_midnight(world: World) -> None:
    world.set_rule(quiet_from=time(22), quiet_until=time(8))
    at = {hour: world.now.replace(hour=(hour - 8) % 24) for hour in (7, 8, 21, 22)}

    assert {hour: world.rule.is_quiet(now) for hour, now in at.items()} == {7: True, 8: False, 21: False, 22: True}


def test_rule_that_is_switched_off_says_nothing_more(told: World) -> None:
    told.bad = {"a": 1}
    told.round()
    told.set_rule(is_enabled=False)

    assert told.round(minutes=10) == []
    assert Incident.objects.get().ended_at == told.now

    told.set_rule(is_enabled=True)
    assert told.round(minutes=10) == ["[Rivermouth] Alert: kiln a is at 1"]


def test_check_that_breaks_ends_nothing_and_holds_nothing_up(told: World, caplog: pytest.LogCaptureFixture) -> None:
    told.set_rule(over_after_minutes=0)
    told.bad = {"a": 1}
    told.round()
    told.broken = RuntimeError("a mistake")
    broken = told.round(minutes=10)
    told.broken = NotKnownError()
    unknown = told.round(minutes=10)

    assert (broken, unknown) == ([], [])
    assert Incident.objects.open().count() == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["Watching kiln"]


def test_round_that_is_killed_leaves_no_half(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between writing the incident and its messages: PostgreSQL rolls both back."""
    told.bad = {"a": 1}

    class KilledError(BaseException):
        pass

    def die(*arguments: object) -> int:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(rounds, "_tell", die)
        with pytest.raises(KilledError):
            told.look()

    assert (Incident.objects.count(), Notice.objects.count()) == (0, 0)
    assert told.round() == ["[Rivermouth] Alert: kiln a is at 1"]


def test_incident_cannot_be_open_twice(told: World) -> None:
    told.bad = {"a": 1}
    told.look()
    row = Incident.objects.get()

    copy = Incident(rule=row.rule, key="a", began_at=told.now, seen_at=told.now)
    Incident.objects.bulk_create([copy], ignore_conflicts=True)

    assert Incident.objects.count() == 1


def test_a_round_takes_a_few_statements_however_much_is_wrong(
    told: World, django_assert_max_num_queries: object
) -> None:
    told.bad = {str(number): 1 for number in range(100)}
    told.look()

    with django_assert_max_num_queries(25):  # type: ignore[operator]  # pytest-django's
        told.look(minutes=1)

    assert connection.connection is not None


def test_rules_appear_by_themselves_and_keep_what_people_set(world: World) -> None:
    Rule.objects.introduce()
    Rule.objects.update(threshold=7)
    Rule.objects.introduce()

    assert list(Rule.objects.values_list("watch", "threshold")) == [("kiln", 7)]


def test_channel_that_was_down_is_told_the_last_thing_once(told: World) -> None:
    told.robots.fault = (503, {}, b"")
    told.bad = {"a": 1}
    told.round()
    told.round(hours=4)
    told.round(hours=4)
    told.robots.fault = None
    Channel.objects.update(retry_at=None)

    assert told.round(minutes=1) == ["[Rivermouth] Alert: kiln a is at 1"]
    assert told.states() == [("began", "sent")]


def test_message_undelivered_for_a_day_is_given_up(told: World) -> None:
    told.robots.fault = (503, {}, b"")
    told.bad = {"a": 1}
    told.round()

    told.look(hours=25)

    assert told.states()[0] == ("began", "failed")
