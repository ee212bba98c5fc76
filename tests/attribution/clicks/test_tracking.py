"""The monitor link's endpoint as Ocean Engine sees it: through ASGI, with a real database."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from attribution.clicks import tracking
from attribution.clicks.storage import NewClick
from attribution.models import App, Click
from attribution.platforms.platform import MonitoredClick
from foundation.serving.driven import DrivenHandler

# Clicks are written in a thread with a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

OK = (200, b'{"code":0,"message":"ok"}')
UNAVAILABLE = (503, b'{"code":503,"message":"not stored, call again"}')


@pytest.fixture
def path() -> str:
    return f"/track/oceanengine/{App.objects.create(slug='demo').monitor_token}/"


def call(*urls: str, method: str = "GET") -> list[tuple[int, bytes]]:
    """Request all of the URLs at once."""

    async def answers() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(_answer(method, *url.encode().partition(b"?")[::2]) for url in urls))

    return asyncio.run(answers())


async def _answer(method: str, path: bytes, query: bytes) -> tuple[int, bytes]:
    scope = {"type": "http", "method": method, "path": path.decode(), "query_string": query, "headers": []}
    received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    received.put_nowait({"type": "http.request"})
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            received.put_nowait({"type": "http.disconnect"})

    await DrivenHandler()(scope, received.get, send)
    return sent[0]["status"], sent[1]["body"]


def test_click_is_stored_when_it_is_answered(path: str) -> None:
    [answer] = call(f"{path}?aid=7316621857302914066&request_id=r1&callback_param=B.abc&os=1")

    click = Click.objects.get()
    assert answer == OK
    assert (click.app.slug, click.ad_id, click.request_id, click.os) == ("demo", 7316621857302914066, "r1", "ios")
    assert timezone.now() - click.received_at < timedelta(minutes=1)


def test_click_twice_is_one(path: str) -> None:
    answers = call(*[f"{path}?request_id=r1"] * 20)

    assert (answers, Click.objects.count()) == ([OK] * 20, 1)


def test_clicks_in_parallel_are_all_stored(path: str) -> None:
    answers = call(*[f"{path}?aid={number}" for number in range(1, 201)])

    assert answers == [OK] * 200
    assert list(Click.objects.order_by("ad_id").values_list("ad_id", flat=True)) == list(range(1, 201))


def test_click_of_an_unknown_token(path: str) -> None:
    answers = call("/track/oceanengine/nobody/?aid=1", path + "?aid=2")

    assert answers == [(404, b'{"code":404,"message":"unknown monitor link"}'), OK]
    assert list(Click.objects.values_list("ad_id", flat=True)) == [2]


def test_click_of_an_unknown_platform(path: str) -> None:
    assert call(path.replace("oceanengine", "nowhere")) == [(404, b'{"error":"unknown ad platform"}')]
    assert Click.objects.count() == 0


def test_click_of_a_token_that_no_text_can_be() -> None:
    assert call("/track/oceanengine/a\0b/?aid=1") == [(404, b'{"code":404,"message":"unknown monitor link"}')]


def test_click_on_a_link_that_lost_its_slash(path: str) -> None:
    assert call(f"{path.rstrip('/')}?aid=1") == [OK]
    assert Click.objects.get().ad_id == 1


@pytest.mark.parametrize("query", ["", "?", "?%", "?aid=%00%ff&ts=NaN&caid=[", "?&&==&=", f"?ua={'x' * 20_000}"])
def test_click_with_odd_input(path: str, query: str) -> None:
    [answer] = call(path + query)

    assert (answer, Click.objects.count()) == (OK, 1)


def test_link_is_checked_by_head(path: str) -> None:
    answers = call(f"{path}?aid=1", "/track/oceanengine/nobody/?aid=1", method="HEAD")

    assert ([status for status, _body in answers], Click.objects.count()) == ([200, 404], 0)


def test_click_by_post(path: str) -> None:
    [(status, _body)] = call(path, method="POST")

    assert (status, Click.objects.count()) == (405, 0)


def test_click_while_the_database_hangs(path: str, settings: Settings) -> None:
    settings.CLICK_STORE_TIMEOUT_S = 0.3
    call(path)  # the token is known
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"LOCK TABLE {Click._meta.db_table} IN ACCESS EXCLUSIVE MODE")

        answers = call(f"{path}?request_id=r1", f"{path}?request_id=r2")

        cursor.execute("ROLLBACK")
    after = call(f"{path}?request_id=r1")
    assert (answers, after) == ([UNAVAILABLE] * 2, [OK])
    # Ocean Engine called again, and the late first write does not count the click twice.
    assert sorted(Click.objects.values_list("request_id", flat=True)) == ["", "r1", "r2"]


def test_click_while_too_many_wait(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking._clicks, "max_waiting", 2)
    call(path)

    answers = call(*[path] * 10)

    assert (answers.count(OK), answers.count(UNAVAILABLE)) == (2, 8)
    assert Click.objects.count() == 3


def test_click_after_its_connection_was_killed(path: str) -> None:
    call(path)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    answers = [call(path)[0] for _ in range(2)]

    assert answers[-1] == OK
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one; later tests would meet its dead ones


def test_refused_click_does_not_block_its_neighbours(path: str) -> None:
    app_id = App.objects.get().pk
    now = timezone.now()
    said = [MonitoredClick(clicked_at=now, device_model=model) for model in ("", "x" * 500, "")]
    batch = [NewClick(app_id, "oceanengine", now, "", each) for each in said]

    are_stored = tracking._write(batch)

    assert are_stored == [True, False, True]
    assert Click.objects.count() == 2
