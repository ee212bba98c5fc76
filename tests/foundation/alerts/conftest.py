"""A world with one thing to watch, whose causes a test sets, and a clock that it moves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import gettext_lazy as _

from foundation.alerts import rounds, sending
from foundation.alerts.models import Channel, Notice, Rule
from foundation.hooks import alerts
from foundation.hooks.alerts import Cause, Watch
from tests.foundation.alerts.robots import SECRETS, Mailbox, Robots, mailbox, robots

NOON = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)  # 12:00 in Asia/Shanghai


@dataclass(kw_only=True)
class World:
    """What is `bad` now, by key; `look` is a round of the sweep, `send` the task."""

    robots: Robots
    now: datetime = NOON
    bad: dict[str, int] = field(default_factory=dict)
    broken: Exception | None = None

    def check(self, threshold: int, now: datetime) -> Iterator[Cause]:
        if self.broken:
            raise self.broken
        for key, number in self.bad.items():
            if number >= threshold:
                yield Cause(key=key, number=number, path=f"/admin/kiln/{key}/", words={"name": f"kiln {key}"})

    def look(self, **later: float) -> int:
        self.now += timedelta(**later)
        return rounds.look(self.now)

    def send(self) -> int:
        return sending.send_all(clock=lambda: self.now)

    def round(self, **later: float) -> list[str]:
        """Look and send; returns the first lines of the messages that people got."""
        before = len(self.robots.taken)
        self.look(**later)
        self.send()
        return [text.splitlines()[0] for text in self.robots.taken[before:]]

    @property
    def rule(self) -> Rule:
        Rule.objects.introduce()
        return Rule.objects.get(watch="kiln")

    def set_rule(self, **fields: Any) -> None:
        Rule.objects.introduce()
        Rule.objects.filter(watch="kiln").update(**fields)

    def channel(self, kind: str = "feishu", **fields: Any) -> Channel:
        channel = Channel(**{"name": kind, "kind": kind} | fields)
        channel.url, channel.secret = self.robots.address(kind), SECRETS[kind]
        channel.save()
        return channel

    def states(self) -> list[tuple[str, str]]:
        return list(Notice.objects.order_by("pk").values_list("event", "state"))


@pytest.fixture
def robot_server() -> Iterator[Robots]:
    with robots() as played:
        yield played


@pytest.fixture
def mail_server() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def world(robot_server: Robots, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(robots=robot_server)
    watch = Watch(
        kind="kiln",
        title=_("Backlog"),
        text=_("%(name)s is at %(number)s"),
        over=_("%(name)s has cooled down"),
        check=made.check,
    )
    monkeypatch.setattr(alerts, "_watches", {"kiln": watch})
    return made
