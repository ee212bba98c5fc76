"""Cost files as people really have them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

from attribution.costs import sheets
from attribution.costs.sheets import LineError, UnreadableSheetError

OURS = "platform,day,advertiser_id,campaign_id,ad_id,cost,impressions,clicks"
CHINESE = "日期,广告主ID,项目ID,广告ID,消耗(元),展示数,点击数"
LINE = "2026-11-29,1768433294857219,73,74,1234.5,1000,17"


@pytest.fixture(autouse=True)
def _in_november() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 30, 4, tzinfo=UTC), tick=False):
        yield


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "platform": "oceanengine",
        "day": date(2026, 11, 29),
        "advertiser_id": 1768433294857219,
        "campaign_id": 73,
        "ad_id": 74,
        "cost_centifen": 12_345_000,
        "impressions": 1000,
        "clicks": 17,
    } | changes


@pytest.mark.parametrize(
    "content",
    [
        f"{OURS}\noceanengine,{LINE}\n".encode(),
        f"{OURS}\r\nOceanEngine,{LINE}\r\n\r\n".encode("utf-8-sig"),
        f"{OURS}\nOcean Engine,{LINE}".encode(),
        f"{CHINESE}\n{LINE}\n".encode(),
        f"{CHINESE}\n{LINE}\n".encode("gbk"),
        f"{CHINESE}\n{LINE}\n".replace(",", "\t").encode("utf-16"),
        f"{CHINESE}\n{LINE}\n".replace(",", ";").encode(),
        f'{CHINESE}\n2026/11/29,="1768433294857219",\'73,\t74,"¥1,234.50","1,000",17.0\n'.encode(),
        f"{CHINESE}\n2026年11月29日,1768433294857219,73,74,1234.5元,1000,17\n合计,-,-,-,1234.5,1000,17\n".encode(),
        f"{CHINESE}\n20261129,1768433294857219,73,74,1234.5,1000,17\n".encode(),
        f"{CHINESE}\n2026-11-29 00:00:00,1768433294857219,73,74,1234.5,1000,17\n".encode(),
        b"Clicks,Cost (CNY),Ad ID,Date,Campaign ID,Impressions,Advertiser ID\n"
        b"17,1234.5,74,2026-11-29,73,1000,1768433294857219\n",
        b"stat_time_day,advertiser_id,project_id,promotion_id,stat_cost,show_cnt,click_cnt,convert_cnt\n"
        + LINE.encode()
        + b",3\n",
    ],
)
def test_files_of_many_kinds_are_read(content: bytes) -> None:
    sheet = sheets.read(content, platform="oceanengine")

    assert (sheet.errors, sheet.bad_lines) == ([], 0)
    assert list(sheet.costs.values()) == [fields()]


def test_absent_cells_are_what_they_are() -> None:
    content = f"{CHINESE}\n2026-11-29,1768433294857219,,--,--,,-\n2026-11-29,2,3,4,1.5\n".encode()

    sheet = sheets.read(content, platform="oceanengine")

    assert list(sheet.costs.values()) == [
        fields(campaign_id=0, ad_id=0, cost_centifen=0, impressions=None, clicks=0),
        fields(advertiser_id=2, campaign_id=3, ad_id=4, cost_centifen=15_000, impressions=None, clicks=None),
    ]


def test_columns_are_said_as_they_were_guessed() -> None:
    sheet = sheets.read(f"{CHINESE}\n{LINE}\n".encode(), platform="oceanengine")

    assert sheet.columns == [
        ("day", "日期"), ("advertiser_id", "广告主ID"), ("campaign_id", "项目ID"), ("ad_id", "广告ID"),
        ("cost", "消耗(元)"), ("impressions", "展示数"), ("clicks", "点击数"),
    ]  # fmt: skip


def test_lines_of_sums_are_left_out_and_counted() -> None:
    sheet = sheets.read(f"{CHINESE}\n{LINE}\n总计,,,,9,9,9\n".encode(), platform="oceanengine")

    assert (len(sheet.items), sheet.left_out) == (1, 1)


def test_errors_are_told_by_line_as_a_spreadsheet_counts() -> None:
    bad = [
        "2026-12-01,1768433294857219,73,74,1,1,1",
        "",
        "2026-11-29,1.76843E+15,73,74,1,1,1",
        "2026-11-29,1,73,74,,1,1",
        "2026-11-29,1,73,x,1.23456,1,1",
        LINE,
        LINE,
    ]

    sheet = sheets.read(f"{CHINESE}\n{chr(10).join(bad)}\n".encode(), platform="oceanengine")

    assert sheet.bad_lines == 5
    assert sheet.errors == [
        LineError(2, "day", "2026-12-01 is still to come."),
        LineError(
            4,
            "advertiser_id",
            "1.76843E+15 is rounded: Excel shortened the id. Format the column as text and paste the ids again.",
        ),
        LineError(5, "cost", "'' is not an amount in yuan. Write digits, for example 12.34."),
        LineError(6, "ad_id", "'x' is not a whole number."),
        LineError(6, "cost", "'1.23456' has more than four decimals."),
        LineError(8, "ad_id", "The same ad and day as line 7."),
    ]


def test_errors_are_bounded_and_all_bad_lines_counted() -> None:
    sheet = sheets.read((CHINESE + "\n" + "x,1,1,1,1,1,1\n" * 500).encode(), platform="oceanengine")

    assert (len(sheet.errors), sheet.bad_lines) == (100, 500)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "No column for day, advertiser_id, cost."),
        (b"day,cost\n2026-11-29,1\n", "No column for advertiser_id."),
        (f"{CHINESE}\n".encode(), "The file has no line of costs below its headings."),
        (f"{CHINESE}\n合计,,,,1,1,1\n".encode(), "The file has no line of costs below its headings."),
        (b"PK\x03\x04\x00\x00\xff\xfe\xff", "The file is not a CSV text in UTF-8 or GBK."),
        (b"x" * (5 * 1024 * 1024 + 1), "The file is larger than 5 MiB."),
        ((CHINESE + "\n" + f"{LINE}\n" * 20_001).encode(), "The file has more than 20000 lines."),
        ((CHINESE + '\n"' + "x" * 200_000 + '"\n').encode(), "Line 2 is not CSV: field larger than field limit"),
    ],
)
def test_files_that_cannot_be_read_say_why(content: bytes, problem: str) -> None:
    with pytest.raises(UnreadableSheetError) as refusal:
        sheets.read(content, platform="oceanengine")

    assert problem in str(refusal.value)


def test_platform_is_needed_from_the_file_or_from_the_page() -> None:
    with pytest.raises(UnreadableSheetError, match=r"No column for platform\."):
        sheets.read(f"{CHINESE}\n{LINE}\n".encode())
