"""Lists as files: their content, who may have them, and that no cell can harm through a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.models import Click, Conversion
from attribution.records import exporting
from tests.attribution.conftest import ANDROID_ID, NOW, Pipeline

LIST = "/admin/attribution/conversion/"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def browser(db: None) -> Client:
    user = User.objects.create(username="marketer", is_staff=True)
    names = ["view_conversion", "view_click", "view_attribution", "export_conversion"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    browser = Client()
    browser.force_login(user)
    return browser


def download(browser: Client, address: str) -> bytes:
    """The parts of the download, in order, as an ASGI server sends them."""
    answer: Any = browser.get(address)
    assert answer.status_code == 200, answer.content

    async def read(parts: AsyncIterator[bytes]) -> bytes:
        return b"".join([part async for part in parts])

    return async_to_sync(read)(answer.streaming_content)


def csv_rows(browser: Client, query: str = "", model: str = "conversion") -> list[dict[str, str]]:
    text = download(browser, f"/admin/attribution/{model}/export/csv/?{query}").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def xlsx_rows(browser: Client, query: str = "", model: str = "conversion") -> list[dict[str, Any]]:
    file = io.BytesIO(download(browser, f"/admin/attribution/{model}/export/xlsx/?{query}"))
    headings, *rows = openpyxl.load_workbook(file).active.iter_rows(values_only=True)
    return [dict(zip(headings, row, strict=True)) for row in rows]


def test_csv_has_the_filtered_rows_as_people_need_them(browser: Client, pipeline: Pipeline) -> None:
    pipeline.report("active_pay", channel="应用宝")
    pipeline.report(user="u-2", device={"android_id": "organic-1"})
    pipeline.deliver()

    [row] = csv_rows(browser, "state=reported")

    conversion = Conversion.objects.get(user_id="u-1")
    assert conversion.attribution
    shown = {name: row[name] for name in ("event", "user_id", "channel", "amount_fen", "amount_cny", "occurred_at")}
    assert shown == {
        "event": "active_pay",
        "user_id": "u-1",
        "channel": "应用宝",
        "amount_fen": "1999",
        "amount_cny": "19.99",
        "occurred_at": "2026-11-23 12:00:00",
    }
    assert row["advertiser_id"] == str(conversion.attribution.advertiser_id)
    assert row["device_ids_masked"] == "android_id 5f…46"


def test_ids_are_texts_and_numbers_are_numbers(browser: Client, pipeline: Pipeline) -> None:
    pipeline.report("active_pay")
    pipeline.deliver()

    [row] = xlsx_rows(browser)
    line = download(browser, f"{LIST}export/csv/").decode().splitlines()[1]

    conversion = Conversion.objects.get()
    assert (row["advertiser_id"], row["amount_fen"]) == (str(conversion.advertiser_id), 1999)
    assert row["amount_cny"] == pytest.approx(19.99)
    assert row["occurred_at"] == datetime(2026, 11, 23, 12)  # noqa: DTZ001  # a sheet's times have no zone
    assert f'"{conversion.advertiser_id}"' in line
    assert ",1999,19.99," in line


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("read", [csv_rows, xlsx_rows])
def test_formula_is_a_text(browser: Client, pipeline: Pipeline, start: str, read: Any) -> None:
    pipeline.report(user=f"{start}1+1", channel=f"{start}cmd|' /C calc'!A0")

    [row] = read(browser)

    assert row["user_id"].startswith("'")
    assert row["channel"].startswith("'")


def test_no_device_id_leaves_whole(browser: Client, pipeline: Pipeline) -> None:
    Click.objects.create(app=pipeline.app, clicked_at=NOW, received_at=NOW, oaid_digest=b"x" * 32, raw="secret")
    pipeline.report()
    pipeline.deliver()

    for model in ("conversion", "click", "attribution"):
        text = download(browser, f"/admin/attribution/{model}/export/csv/").decode()
        assert len(text.splitlines()) == 2
        assert ANDROID_ID not in text
        assert "secret" not in text


@pytest.mark.parametrize("model", ["conversion", "click", "attribution"])
def test_rows_of_several_batches_come_once_and_newest_first(
    browser: Client, pipeline: Pipeline, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_ROWS", 3)
    for number in range(8):  # some at the same moment, told apart by their id
        pipeline.now = NOW + timedelta(seconds=number // 4)
        Click.objects.create(app=pipeline.app, clicked_at=NOW, received_at=pipeline.now, request_id=f"r-{number}")
        pipeline.report(user=f"u-{number}")
    pipeline.now = NOW + timedelta(minutes=1)
    pipeline.deliver()
    key = "request_id" if model == "click" else "user_id"

    rows = [row[key] for row in csv_rows(browser, model=model)]

    assert len(rows) == len(set(rows)) == 8
    if model != "attribution":
        assert {row[-1] for row in rows[:4]} == {"4", "5", "6", "7"}
    assert [row[key] for row in xlsx_rows(browser, model=model)] == rows


def test_export_takes_one_query_per_batch(browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            csv_rows(browser)
        return len(captured)

    pipeline.report()
    queries()
    one = queries()
    pipeline.report(user="u-2")
    pipeline.report(user="u-3")

    assert queries() == one


def test_more_rows_than_a_sheet_holds_are_refused(
    browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "XLSX_MAX_ROWS", 1)
    pipeline.report()
    pipeline.report(user="u-2")

    answer = browser.get(f"{LIST}export/xlsx/")

    assert answer.status_code == 400
    assert "An XLSX sheet holds at most 1 rows" in answer.content.decode()
    assert len(csv_rows(browser)) == 2


def test_unknown_format_is_refused(browser: Client, pipeline: Pipeline) -> None:
    answer = browser.get(f"{LIST}export/pdf/")

    assert (answer.status_code, answer.content.decode()) == (400, "Formats are csv, xlsx.")


def test_export_needs_to_see_the_list(db: None) -> None:
    user = User.objects.create(username="exporter", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="export_conversion"))
    browser = Client()
    browser.force_login(user)

    assert browser.get("/admin/attribution/click/export/csv/").status_code == 403
