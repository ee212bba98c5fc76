"""The demo: its invented people alone, and a small demo played on the running product."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.utils import timezone

from attribution.models import App, Attempt, Attribution, Click, Conversion, State
from attribution.models.roll_ups import EventDay
from attribution.statistics import summing
from sandbox.demo import __main__ as demo
from sandbox.demo import people
from sandbox.demo.traffic import Site
from sandbox.vendors import ads
from streaming.models import Completion, Conversation
from tests.servers import ROOT, eventually
from tests.stack import Stack

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY, SATURDAY = date(2026, 11, 16), date(2026, 11, 21)
SMALL = demo.Size(users=20, chats=4, days=7, live_chats=3, seconds=2)


def test_people_of_a_day_are_always_the_same() -> None:
    first, again = (people.users_of(MONDAY, ZONE, about=50) for _ in range(2))
    others = people.users_of(MONDAY, ZONE, about=50, run="2")

    assert first == again
    assert not {user.user_id for user in first} & {user.user_id for user in others}
    assert all(user.activated_at.date() == MONDAY for user in first)


def test_weekends_and_evenings_are_busy() -> None:
    monday, saturday = (people.users_of(day, ZONE, about=1000) for day in (MONDAY, SATURDAY))
    hours = Counter(user.activated_at.hour for user in saturday)

    assert len(saturday) > 1.3 * len(monday)
    assert sum(hours[hour] for hour in (19, 20, 21)) > 5 * sum(hours[hour] for hour in (2, 3, 4))


def test_ads_are_those_that_the_sandbox_answers_with() -> None:
    users = people.users_of(MONDAY, ZONE, about=300)

    assert all(ads.is_organic(user.device_id) is (user.ad is None or user.has_own_click) for user in users)
    assert all(user.ad in (None, ads.ad_of(user.device_id)) for user in users)
    assert 0.2 < sum(user.ad is None for user in users) / len(users) < 0.45


def test_deeds_begin_with_the_activation_and_payments_have_orders() -> None:
    deeds = [people.deeds_of(user) for user in people.users_of(MONDAY, ZONE, about=300)]
    payments = [deed for of_user in deeds for deed in of_user if deed.event == "active_pay"]

    assert {of_user[0].event for of_user in deeds} == {"active"}
    assert all(of_user == sorted(of_user, key=lambda deed: deed.at) for of_user in deeds)
    assert payments
    assert all(deed.amount_fen for deed in payments)
    assert len({deed.order for deed in payments}) == len(payments)
    returns = [deed for of_user in deeds for deed in of_user if deed.event == "next_day_open"]
    assert {deed.at.date() for deed in returns} == {MONDAY + timedelta(days=1)}


def test_history_and_a_live_day_add_up(stack: Stack) -> None:
    counts = demo.show(_site(stack), SMALL)

    assert counts["errors"] == 0
    assert counts["chats"] == SMALL.live_chats
    past = _history()
    assert past["days"] == SMALL.days
    assert past["clicks"] > 5 * past["conversions"] / 3
    assert {state for (state,) in Conversion.objects.values_list("state").distinct()} >= {State.REPORTED, State.ORGANIC}
    assert Attempt.objects.filter(conversion__received_at__lt=_midnight()).exists()
    assert Completion.objects.count() >= SMALL.chats * SMALL.days
    assert Conversation.objects.exclude(title="").count() == 1
    assert eventually(lambda: stack.ledger()["conversions"], bool)
    assert eventually(_differences, lambda found: found == []) == []
    assert EventDay.objects.filter(activations__gt=0).values("day").distinct().count() >= SMALL.days


def test_second_demo_leaves_history_alone_and_continues_today(stack: Stack) -> None:
    site = _site(stack)
    demo.show(site, SMALL)
    past, time_of_first = _history(), timezone.now()
    assert not Click.objects.filter(received_at__gte=_midnight(), clicked_at__lt=_midnight()).exists()

    eventually(timezone.now, lambda now: int(now.timestamp()) > int(time_of_first.timestamp()))
    counts = demo.show(site, SMALL)

    assert counts["errors"] == 0
    # Except yesterday's clicks that led to today's users.
    assert _history() | {"clicks": 0} == past | {"clicks": 0}
    assert len(eventually(_plays_of_today, lambda found: len(found) == 2)) == 2


def test_reports_to_the_real_platform_are_refused(stack: Stack, settings: LazySettings) -> None:
    settings.OCEANENGINE_BASE_URL = stack.url

    with pytest.raises(demo.CannotPlay, match="is not the sandbox"):
        demo._site(stack.url)


def test_without_a_run_it_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": "no/such/run.env"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "`make run` is not up" in done.stderr
    assert done.stdout == ""


def _site(stack: Stack) -> Site:
    token = App.objects.get(slug="demo").monitor_token
    return Site(
        url=stack.url, sandbox_url=stack.sandbox_url, key=stack.key, monitor_path=f"/track/oceanengine/{token}/"
    )


def _history() -> dict[str, int]:
    midnight = _midnight()
    days = Attribution.objects.filter(activated_at__lt=midnight).dates("activated_at", "day")
    return {
        "days": len(days),
        "clicks": Click.objects.filter(received_at__lt=midnight).count(),
        "conversions": Conversion.objects.filter(received_at__lt=midnight).count(),
        "attempts": Attempt.objects.filter(started_at__lt=midnight).count(),
        "chats": Completion.objects.filter(started_at__lt=midnight).count(),
    }


def _plays_of_today() -> set[str]:
    """The parts of user names that distinguish the plays."""
    names = Attribution.objects.filter(user_id__regex=r"^d\d{10}-").values_list("user_id", flat=True)
    return {name.partition("-")[0] for name in names}


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _differences() -> list[str]:
    return [str(each) for each in summing.verify(days=SMALL.days + 1, now=timezone.now())]
