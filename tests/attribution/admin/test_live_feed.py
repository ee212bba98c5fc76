"""The live feed over real processes: who gets it, how often, what an open feed costs, and how it survives outages."""

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from tests.redis_server import RedisServer
from tests.servers import Server, eventually
from tests.stack import Stack

StartWeb = Callable[..., Server]
ACTIVE = {"event": "active", "os": "android"}


@pytest.fixture
def marketer(db: None) -> dict[str, str]:
    """The session of somebody who may look at send records."""
    user = User.objects.create(username="marketer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversion"))
    return session_of(user)


def session_of(user: User) -> dict[str, str]:
    browser = Client()
    browser.force_login(user)
    return {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}


class Feed:
    """An open feed: the names of its events, with the time at which each came."""

    def __init__(self, url: str, cookies: dict[str, str]) -> None:
        self.events: list[tuple[str, float]] = []
        self.has_ended = False
        self._client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._client.request("GET", "/admin/live/", headers={"Cookie": "; ".join("=".join(c) for c in cookies.items())})
        self._answer = self._client.getresponse()
        assert (self._answer.status, self._answer.headers["Content-Type"]) == (200, "text/event-stream")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def changes(self) -> list[float]:
        return [at for name, at in self.events if name == "changed"]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it may have ended
            self._client.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._answer.close()
        self._client.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for line in self._answer:
                if line.startswith(b"event: "):
                    self.events.append((line[7:].strip().decode(), time.monotonic()))
        self.has_ended = True


@pytest.fixture
def follow(marketer: dict[str, str]) -> Iterator[Callable[[str], Feed]]:
    """`follow(url)`: an open feed of that web process, read in the background."""
    opened: list[Feed] = []

    def open_(url: str) -> Feed:
        feed = Feed(url, marketer)
        opened.append(feed)
        assert eventually(lambda: [name for name, _at in feed.events], bool, within_s=10)[0] == "stream-open"
        return feed

    yield open_

    for feed in opened:
        feed.close()


def report(stack: Stack, url: str, *users: str) -> requests.Response:
    events = [{**ACTIVE, "user_id": user, "android_id": "5f8c1e0b7a92d346"} for user in users]
    headers = {"Authorization": f"Bearer {stack.key}"}
    answer = requests.post(f"{url}/api/events/", json=events, headers=headers, timeout=30)
    assert answer.status_code == 202
    return answer


def is_told(feed: Feed, *, since: float, within_s: float = 10) -> bool:
    return bool(eventually(lambda: [at for at in feed.changes() if at >= since], bool, within_s=within_s))


def test_feed_needs_the_right_to_see_send_records(stack: Stack) -> None:
    other = session_of(User.objects.create(username="other", is_staff=True))

    for cookies in ({}, other, {settings.SESSION_COOKIE_NAME: "forged"}):
        answer = requests.get(f"{stack.url}/admin/live/", cookies=cookies, timeout=10)
        assert answer.status_code == 403
        assert answer.json() == {"detail": "Sign in as a user who may view send records."}


@pytest.mark.parametrize("part", ["activity", "operations"])
def test_parts_need_the_right_to_see_send_records(db: None, part: str) -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="other", is_staff=True))

    assert browser.get(f"/admin/live/{part}/").status_code == 403
    assert Client().get(f"/admin/live/{part}/").status_code == 302


def test_change_is_told_on_every_web_process(stack: Stack, shared_web: StartWeb, follow: Callable[[str], Feed]) -> None:
    other = shared_web()
    feeds = [follow(stack.url), follow(other.url)]

    since = time.monotonic()
    report(stack, stack.url, "u-1")

    assert [is_told(feed, since=since) for feed in feeds] == [True, True]


def test_thousand_changes_are_one_message_a_second(
    stack: Stack, shared_web: StartWeb, follow: Callable[[str], Feed]
) -> None:
    other = shared_web()
    feed = follow(stack.url)
    time.sleep(1)  # what came before has been told

    since = time.monotonic()
    for number in range(20):
        for url in (stack.url, other.url):
            report(stack, url, *(f"{url}-{number}-{n}" for n in range(25)))
        time.sleep(0.1)
    assert is_told(feed, since=time.monotonic())

    told = [at for at in feed.changes() if at >= since]
    gaps = [later - earlier for earlier, later in itertools.pairwise(told)]
    assert len(told) >= 2
    assert min(gaps) > 0.8


def test_open_feed_holds_neither_a_thread_nor_a_connection(
    stack: Stack, start_web: StartWeb, follow: Callable[[str], Feed]
) -> None:
    web = start_web()
    follow(web.url)
    threads, connections = web.threads(), _connections()

    feeds = [follow(web.url) for _ in range(40)]
    since = time.monotonic()
    report(stack, stack.url, "u-1")

    assert all(is_told(feed, since=since) for feed in feeds)
    assert web.threads() - threads < 10
    assert _connections() - connections < 10


def test_process_ends_with_open_feeds(start_web: StartWeb, follow: Callable[[str], Feed]) -> None:
    web = start_web()
    feed = follow(web.url)

    since = time.monotonic()
    web.terminate()
    web.wait()

    assert time.monotonic() - since < 5
    assert eventually(lambda: feed.has_ended, bool, within_s=5)
    assert "Traceback" not in web.log


def test_feed_goes_on_after_a_restart_of_redis(
    stack: Stack, start_web: StartWeb, redis_server: RedisServer, follow: Callable[[str], Feed]
) -> None:
    web = start_web(REDIS_URL=redis_server.url)
    feed = follow(web.url)
    report(stack, web.url, "before")
    assert is_told(feed, since=0)

    redis_server.stop()
    during = report(stack, web.url, "while it is away")
    time.sleep(3)
    redis_server.start()
    told_again = is_told(feed, since=time.monotonic(), within_s=15)
    time.sleep(2.5)
    since = time.monotonic()
    report(stack, web.url, "after")

    assert during.elapsed.total_seconds() < 2
    assert told_again
    assert is_told(feed, since=since)
    assert not feed.has_ended
    assert web.log.count("The live feed has lost Redis") == 1


def test_without_redis_events_are_stored_and_the_loss_is_counted(stack: Stack, shared_web: StartWeb) -> None:
    web = shared_web(REDIS_URL="redis://127.0.0.1:1/0")

    answers = [report(stack, web.url, f"u-{number}") for number in range(20)]

    assert max(answer.elapsed.total_seconds() for answer in answers) < 2
    counted = 'rivermouth_redis_unavailable_total{operation="live feed"}'
    text = eventually(lambda: requests.get(f"{web.url}/metrics", timeout=5).text, lambda text: counted in text)
    assert counted in text


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)
