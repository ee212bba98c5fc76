"""Reads a file of costs, exported from a platform or written in Excel: bytes in, items and errors by line out.

1. Decode: UTF-8 with or without a byte order mark, UTF-16 (Excel's "Unicode text"), else GBK (Chinese Excel's CSV).
2. Find the columns by their headings, English or Chinese; the delimiter is a comma, a tab or a semicolon.
3. Tidy each cell (thousands separators, ¥, Excel's ="…"), and read the line by the rules of `POST /api/costs/`.

A totals line ("合计") is left out. Nothing here stores anything.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from attribution.costs import serializers, sources, storage

MAX_BYTES = 5 * 1024 * 1024
MAX_LINES = 20_000
MAX_ERRORS = 100

# Headings by column, normalised for comparison: lower case, without blanks, units and underscores.
HEADINGS: dict[str, tuple[str, ...]] = {
    "platform": ("platform", "media", "平台", "媒体", "渠道平台", "投放平台"),
    "day": ("day", "date", "statdate", "stattimeday", "日期", "时间", "天", "统计日期", "数据日期", "时间天"),
    "advertiser_id": (
        "advertiserid", "accountid", "advertiser", "account", "广告主id", "账户id", "账号id", "广告账户id",
        "广告主账户id",
    ),
    "campaign_id": (
        "campaignid", "projectid", "campaign", "project", "项目id", "广告组id", "计划组id", "推广计划id", "广告系列id",
    ),
    "ad_id": ("adid", "promotionid", "ad", "promotion", "广告id", "计划id", "广告计划id", "单元id", "推广单元id"),
    "cost": ("cost", "spend", "statcost", "amount", "消耗", "花费", "费用", "总消耗", "消费", "总花费", "现金消耗"),
    "impressions": (
        "impressions", "impression", "shows", "show", "showcnt", "展示数", "展示", "展示量", "曝光", "曝光量", "曝光数",
    ),
    "clicks": ("clicks", "click", "clickcnt", "点击数", "点击", "点击量"),
}  # fmt: skip
REQUIRED = ("day", "advertiser_id", "cost")
NOTHING = {"-", "--"}
SUMS = {"total", "sum", "合计", "总计", "汇总", "全部"}

_IGNORED = re.compile(r"[\s_\-]|[(（\[【].*?[)）\]】]")
_EXCEL_TEXT = re.compile(r'="?(.*?)"?')
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ROUNDED_ID = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+")
_DAY = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[ T]0?0:00(?::00)?)?")


class UnreadableSheetError(ValueError):
    """The file cannot be read at all; the message says why, in the reader's language."""


@dataclass(frozen=True, slots=True)
class LineError:
    """One wrong cell. `line` counts from 1, like the rows of a spreadsheet."""

    line: int
    column: str
    error: str


@dataclass(slots=True)
class Sheet:
    """What was read. `columns`: our name and the file's heading for each. Good lines are kept by number, as items and
    as returned by `serializers.read`; `left_out` were totals lines.
    """

    columns: list[tuple[str, str]]
    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    costs: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: list[LineError] = field(default_factory=list)
    bad_lines: int = 0
    left_out: int = 0


def read(content: bytes, *, platform: str = "") -> Sheet:
    """`platform` applies to all lines if the file has no such column. Raises: `UnreadableSheetError`."""
    lines = _lines(_decoded(content))
    headings = next(lines, (0, []))[1]
    places = _places(headings)
    sheet = Sheet(columns=[(name, headings[place].strip()) for name, place in places.items()])
    _complain_of_missing(places, platform)
    for number, cells in lines:
        _read_line(sheet, number, {name: _cell(cells, place) for name, place in places.items()}, platform)
    if not (sheet.items or sheet.errors):
        raise UnreadableSheetError(_("The file has no line of costs below its headings."))
    _complain_of_repeats(sheet)
    return sheet


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableSheetError(_("The file is larger than %(mebibytes)d MiB.") % {"mebibytes": MAX_BYTES >> 20})
    is_utf_16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ["utf-16"] if is_utf_16 else ["utf-8-sig", "gb18030"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnreadableSheetError(_("The file is not a CSV text in UTF-8 or GBK. Save it as CSV and upload that."))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number and cells of each line that is not empty."""
    head = text.lstrip().partition("\n")[0]
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MAX_LINES + 1:
                raise UnreadableSheetError(_("The file has more than %(lines)d lines.") % {"lines": MAX_LINES})
            yield reader.line_num, cells
    except csv.Error as err:
        problem = {"line": reader.line_num, "error": err}
        raise UnreadableSheetError(_("Line %(line)d is not CSV: %(error)s.") % problem) from err


def _places(headings: Sequence[str]) -> dict[str, int]:
    """The position of each of our columns; the first matching heading counts."""
    words = [_IGNORED.sub("", heading.lower()) for heading in headings]
    found: dict[str, int] = {}
    for name, known in HEADINGS.items():
        for word in known:
            if word in words:
                found[name] = words.index(word)
                break
    return found


def _complain_of_missing(places: Mapping[str, int], platform: str) -> None:
    missing = [name for name in REQUIRED if name not in places]
    if "platform" not in places and not platform:
        missing.insert(0, "platform")
    if missing:
        raise UnreadableSheetError(
            _("No column for %(columns)s. The first line must hold the headings, for example %(example)s.")
            % {"columns": ", ".join(missing), "example": ",".join(HEADINGS)}
        )


def _cell(cells: Sequence[str], place: int) -> str:
    """A short line lacks its last cells. Excel keeps a long number as text if it is written ="123" or '123."""
    text = cells[place].strip().lstrip("'") if place < len(cells) else ""
    excel = _EXCEL_TEXT.fullmatch(text) if text.startswith("=") else None
    return (excel[1] if excel else text).strip()


def _read_line(sheet: Sheet, number: int, cells: Mapping[str, str], platform: str) -> None:
    if any(cell.lower() in SUMS for name, cell in cells.items() if name in ("platform", "day", "advertiser_id")):
        sheet.left_out += 1
        return
    item: dict[str, Any] = {"platform": platform} | {name: _TIDY[name](cell) for name, cell in cells.items()}
    try:
        sheet.costs[number] = serializers.read(item)
    except ValidationError as err:
        sheet.bad_lines += 1
        detail: Any = err.detail  # a dict by field, because an item is a dict
        _note(sheet, [_error(number, name, cells.get(name, ""), errors) for name, errors in detail.items()])
    else:
        sheet.items[number] = item


def _error(number: int, name: str, cell: str, errors: Sequence[Any]) -> LineError:
    if _ROUNDED_ID.fullmatch(cell):
        words = _("%(cell)s is rounded: Excel shortened the id. Format the column as text and paste the ids again.")
        return LineError(number, name, words % {"cell": cell})
    return LineError(number, name, str(errors[0]))


def _note(sheet: Sheet, errors: list[LineError]) -> None:
    sheet.errors += errors[: MAX_ERRORS - len(sheet.errors)]


def _complain_of_repeats(sheet: Sheet) -> None:
    """Two lines for one ad and day are an error: one would be lost, and nobody can tell which one is meant."""
    lines: dict[tuple[Any, ...], int] = {}
    for number, fields in sheet.costs.items():
        first = lines.setdefault(storage.key_of(fields), number)
        if first != number:
            sheet.bad_lines += 1
            _note(sheet, [LineError(number, "ad_id", _("The same ad and day as line %(line)d.") % {"line": first})])


def _platform(cell: str) -> str:
    """The platform's slug, from a slug or a display name."""
    names = {str(name).lower(): slug for slug, name in sources.platforms().items()}
    return names.get(cell.lower(), cell.lower())


def _day(cell: str) -> str:
    found = _DAY.fullmatch(cell)
    return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}" if found else cell


def _amount(cell: str) -> str:
    text = cell.replace("¥", "").replace("￥", "").replace("，", ",").removesuffix("元").strip()
    text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    return "0" if text in NOTHING else text


def _count(cell: str) -> str | None:
    return _amount(cell).removesuffix(".0") or None


def _id(cell: str) -> str | None:
    return None if cell in ("", *NOTHING) else cell


_TIDY: dict[str, Callable[[str], Any]] = {
    "platform": _platform,
    "day": _day,
    "advertiser_id": _id,
    "campaign_id": _id,
    "ad_id": _id,
    "cost": _amount,
    "impressions": _count,
    "clicks": _count,
}
