"""Lists as CSV and XLSX, a million rows in bounded memory.

Rows are read in batches (`keyset`), each in a thread, and sent as they arrive; no database connection is held while the
reader is slow. An XLSX file is a ZIP with its directory at the end, so it is first built in a temporary file, row by
row.

Ids are texts, since a spreadsheet keeps 15 digits of a number; times are those of `TIME_ZONE`; words are the API's;
device ids are masked.
"""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import IO, Any, TypeAlias

import xlsxwriter
from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from attribution.devices.device_ids import DecryptionError
from attribution.models import Conversion
from foundation.database.keyset import batches
from foundation.spreadsheet import harmless

BATCH_ROWS = 2000
# The format's own limit, less the headings.
XLSX_MAX_ROWS = 1_048_576 - 1
XLSX_MAX_CELL_CHARACTERS = 32_767
FILE_CHUNK_BYTES = 256 * 1024
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell: TypeAlias = str | int | Decimal | datetime | None


class SheetTooLongError(ValueError):
    """More than the format can hold."""

    def __str__(self) -> str:
        return _(
            "An XLSX sheet holds at most %(limit)s rows, and there are more. Choose fewer days, or download the CSV, "
            "which has no limit."
        ) % {"limit": f"{XLSX_MAX_ROWS:,}"}


@dataclass(frozen=True, kw_only=True)
class Export:
    """A list's columns by heading, and the relations that must be read with its rows."""

    name: str
    columns: Mapping[str, Callable[[Any], Cell]]
    related: Sequence[str] = ()
    unread: Sequence[str] = field(default=())

    def batches(self, rows: QuerySet[Any], moment: str) -> Iterator[list[list[Cell]]]:
        joined = rows.select_related(*self.related) if self.related else rows
        read = joined.prefetch_related("app").defer(*self.unread)
        for batch in batches(read, moment, BATCH_ROWS):
            yield [[cell(row) for cell in self.columns.values()] for row in batch]


def as_csv(export: Export, rows: QuerySet[Any], moment: str) -> StreamingHttpResponse:
    return _download(_csv(export, rows, moment), f"{export.name}.csv", "text/csv; charset=utf-8")


def as_xlsx(export: Export, rows: QuerySet[Any], moment: str) -> StreamingHttpResponse:
    """Raises: `SheetTooLongError`."""
    if rows.order_by()[: XLSX_MAX_ROWS + 1].count() > XLSX_MAX_ROWS:
        raise SheetTooLongError
    return _download(_xlsx(export, rows, moment), f"{export.name}.xlsx", XLSX_TYPE)


FORMATS = {"csv": as_csv, "xlsx": as_xlsx}


def _download(content: AsyncIterator[bytes], file_name: str, content_type: str) -> StreamingHttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }
    return StreamingHttpResponse(content, content_type=content_type, headers=headers)


async def _csv(export: Export, rows: QuerySet[Any], moment: str) -> AsyncIterator[bytes]:
    """With a byte order mark, without which Excel misreads Chinese."""
    yield b"\xef\xbb\xbf" + _csv_lines([list(export.columns)])
    async for batch in _read(export.batches(rows, moment)):
        yield _csv_lines(batch)


async def _xlsx(export: Export, rows: QuerySet[Any], moment: str) -> AsyncIterator[bytes]:
    with tempfile.TemporaryFile() as file:
        sheet = _Sheet(file, list(export.columns))
        async for batch in _read(export.batches(rows, moment)):
            await sync_to_async(sheet.write)(batch)
        await sync_to_async(sheet.close)()
        file.seek(0)
        while chunk := await sync_to_async(file.read)(FILE_CHUNK_BYTES):
            yield chunk


async def _read(batches: Iterator[list[list[Cell]]]) -> AsyncIterator[list[list[Cell]]]:
    """Each batch runs in the request's thread, so that other requests' streams continue meanwhile."""

    def read() -> list[list[Cell]] | None:
        return next(batches, None)

    while batch := await sync_to_async(read)():
        yield batch


def _csv_lines(rows: Sequence[Sequence[Cell]]) -> bytes:
    """Texts are quoted and numbers are not, so that a program can tell an id from a number."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([[_in_csv(cell) for cell in row] for row in rows])
    return text.getvalue().encode(errors="replace")


def _in_csv(cell: Cell) -> str | int | Decimal:
    if isinstance(cell, datetime):
        return timezone.localtime(cell).replace(tzinfo=None).isoformat(" ", "seconds")
    found: str | int | Decimal = "" if cell is None else harmless(cell)
    return found


class _Sheet:
    """An XLSX file with one sheet; only one row is kept in memory."""

    def __init__(self, file: IO[bytes], headings: Sequence[str]) -> None:
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._sheet = self._book.add_worksheet()
        self._time_format = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        bold = self._book.add_format({"bold": True})
        self._sheet.set_column(0, len(headings) - 1, 20)
        self._sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            self._sheet.write_string(0, column, heading, bold)
        self._rows = 1

    def write(self, rows: Sequence[Sequence[Cell]]) -> None:
        for row in rows:
            for column, cell in enumerate(row):
                self._write(column, cell)
            self._rows += 1

    def close(self) -> None:
        self._book.close()

    def _write(self, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            self._sheet.write_string(self._rows, column, harmless(cell)[:XLSX_MAX_CELL_CHARACTERS])
        elif isinstance(cell, datetime):
            local = timezone.localtime(cell).replace(tzinfo=None)
            self._sheet.write_datetime(self._rows, column, local, self._time_format)
        elif cell is not None:
            self._sheet.write_number(self._rows, column, cell)


def _id(value: int | None) -> str:
    return "" if value is None else str(value)


def _cny(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen) / 100


def _of_attribution(cell: Callable[[Any], Cell]) -> Callable[[Conversion], Cell]:
    return lambda row: cell(row.attribution) if row.attribution else ""


def _masked_device(row: Conversion) -> str:
    try:
        return ", ".join(f"{name} {value}" for name, value in row.masked_device_ids.items())
    except DecryptionError:
        return ""


_AD_OF_ROW: dict[str, Callable[[Any], Cell]] = {
    "advertiser_id": lambda row: _id(row.advertiser_id),
    "project_or_campaign_id": lambda row: _id(row.campaign_id),
    "project_or_campaign": lambda row: row.campaign_name,
    "promotion_or_ad_id": lambda row: _id(row.ad_id),
    "promotion_or_ad": lambda row: row.ad_name,
}

CONVERSIONS = Export(
    name="send-records",
    related=["attribution"],
    unread=["body", "attribution__callback_param", "attribution__platform_ad"],
    columns={
        "id": lambda row: str(row.pk),
        "app": lambda row: row.app.slug,
        "event": lambda row: row.event,
        "user_id": lambda row: row.user_id,
        "os": lambda row: row.os,
        "channel": lambda row: row.channel,
        "outer_event_id": lambda row: row.outer_event_id,
        "amount_fen": lambda row: row.amount_fen,
        "amount_cny": lambda row: _cny(row.amount_fen),
        "occurred_at": lambda row: row.occurred_at,
        "received_at": lambda row: row.received_at,
        "state": lambda row: row.state,
        "reason": lambda row: row.reason,
        "detail": lambda row: row.detail,
        "warning": lambda row: row.warning,
        "tries": lambda row: row.tries,
        "next_attempt_at": lambda row: row.due_at,
        "finished_at": lambda row: row.finished_at,
        **{heading: _of_attribution(cell) for heading, cell in _AD_OF_ROW.items()},
        "attribution_source": _of_attribution(lambda row: row.source),
        "attribution_reason": _of_attribution(lambda row: row.reason),
        "device_ids_masked": _masked_device,
    },
)
CLICKS = Export(
    name="clicks",
    unread=[
        "raw", "oaid_digest", "android_id_digest", "imei_digest", "idfa_digest", "caid_digests", "ip_ua_digest",
        "ipv6_ua_digest", "callback_param", "callback_url", "material", "platform_ad",
    ],
    columns={
        "id": lambda row: str(row.pk),
        "app": lambda row: row.app.slug,
        "clicked_at": lambda row: row.clicked_at,
        "received_at": lambda row: row.received_at,
        "match_type": lambda row: row.match_type,
        "os": lambda row: row.os,
        "device_model": lambda row: row.device_model,
        **_AD_OF_ROW,
        "creative_id": lambda row: _id(row.creative_id),
        "creative": lambda row: row.creative_name,
        "request_id": lambda row: row.request_id,
        "track_id": lambda row: row.track_id,
    },
)  # fmt: skip
ATTRIBUTIONS = Export(
    name="attributions",
    unread=["callback_param", "platform_ad"],
    columns={
        "app": lambda row: row.app.slug,
        "user_id": lambda row: row.user_id,
        "attributed": lambda row: "yes" if row.is_attributed else "no",
        "source": lambda row: row.source,
        "match_type": lambda row: row.match_type,
        "reason": lambda row: row.reason,
        "detail": lambda row: row.detail,
        "suspicious": lambda row: "yes" if row.is_suspicious else "no",
        "click_to_install_s": lambda row: row.click_to_install_s,
        "activated_at": lambda row: row.activated_at,
        "last_touch_at": lambda row: row.touched_at,
        "last_asked_at": lambda row: row.asked_at,
        "attributed_at": lambda row: row.attributed_at,
        "click_id": lambda row: _id(row.click_id),
        **_AD_OF_ROW,
    },
)
