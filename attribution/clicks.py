"""Our clicks: stored as they come, found again for a device that became active. What a link says: `monitor_link`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Q, QuerySet

from attribution import device_ids, matching, monitor_link
from attribution.matching import ClickCandidate, Device, Kind, Match, Windows
from attribution.models import App, Click

# The columns in which each kind of id stands.
COLUMNS = {
    Kind.OAID: ["oaid_digest"],
    Kind.ANDROID_ID: ["android_id_digest"],
    Kind.IMEI: ["imei_digest"],
    Kind.IDFA: ["idfa_digest"],
    Kind.CAID: ["caid_digests"],
    Kind.IP_USER_AGENT: ["ip_ua_digest", "ipv6_ua_digest"],
}
DIGEST_COLUMNS = ["oaid_digest", "android_id_digest", "imei_digest", "idfa_digest", "ip_ua_digest", "ipv6_ua_digest"]
_FIELDS = {str(field.column): field for field in Click._meta.concrete_fields if not field.primary_key}


def store(clicks: Sequence[Click]) -> None:
    """Write the clicks in one statement. One whose request id the app has already is the same click: dropped.

    All rows travel as one JSON text: `bulk_create` spent 250 µs of CPU a click on its 35 parameters, this spends 50.
    """
    with connection.cursor() as cursor:
        # In the order of the request ids: two processes with the same repeated clicks would else lock each other out.
        rows = [_row(click) for click in sorted(clicks, key=attrgetter("request_id"))]
        cursor.execute(_insert_statement(), [msgspec.json.encode(rows).decode()])


def find(app: App, ids: Mapping[str, str], *, ip: str = "", user_agent: str = "", activated_at: datetime) -> Match:
    """The click that brought the device with these raw ids, or why there is none; at most one query."""
    device = device_of(ids, ip=ip, user_agent=user_agent)
    windows = windows_of(app)
    clicks = candidates_for(device, app_id=app.pk, activated_at=activated_at, windows=windows)
    return matching.match(device, clicks, activated_at=activated_at, windows=windows)


def device_of(ids: Mapping[str, str], *, ip: str = "", user_agent: str = "") -> Device:
    """What a device can have in common with a click; `ids` are raw, by the names of the event's fields."""
    forms = {
        kind: device_ids.possible_md5s(ids[kind])
        for kind in (Kind.OAID, Kind.ANDROID_ID, Kind.IMEI, Kind.IDFA)
        if not device_ids.is_absent(ids.get(kind))
    }
    forms[Kind.CAID] = _caid_md5s(ids.get("caid", ""))
    forms[Kind.IP_USER_AGENT] = _network_identities(ip, user_agent)
    return Device({kind: _possible_digests(values) for kind, values in forms.items() if values})


def windows_of(app: App) -> Windows:
    return Windows(
        ids=timedelta(days=app.click_window_days),
        ip_user_agent=matching.PROBABILISTIC_WINDOW if app.matches_by_network else None,
    )


def candidates_for(device: Device, *, app_id: int, activated_at: datetime, windows: Windows) -> list[ClickCandidate]:
    """The clicks that decide what `matching.match` says, in one query.

    Of each kind the newest click up to the activation, which wins if any does, and the first one after it, which
    explains a miss. Clicks without a callback are left out: nothing could be reported for them.
    """
    clicks = Click.objects.filter(app_id=app_id).exclude(callback_param="")
    decisive = [
        candidate
        for kind, digests in device.digests.items()
        if (window := windows.of(kind)) is not None
        for column in COLUMNS[kind]
        for candidate in _newest_and_next(_having(clicks, column, digests), activated_at, window, kind)
    ]
    if not decisive:
        return []
    columns = [column for columns in COLUMNS.values() for column in columns]
    rows = decisive[0].none().union(*decisive, all=True).values_list("id", "clicked_at", *columns)
    return [
        ClickCandidate(
            click_id=click_id, clicked_at=clicked_at, digests=_by_kind(dict(zip(columns, found, strict=True)))
        )
        for click_id, clicked_at, *found in rows
    ]


@cache
def _insert_statement() -> str:
    columns = ", ".join(_FIELDS)
    typed = ", ".join(f"{column} {field.db_type(connection)}" for column, field in _FIELDS.items())
    return (
        f"INSERT INTO {Click._meta.db_table} ({columns}) "  # noqa: S608  # names of ours
        f"SELECT {columns} FROM json_to_recordset(%s) AS given ({typed}) ON CONFLICT DO NOTHING"
    )


def _row(click: Click) -> dict[str, Any]:
    row = {column: getattr(click, field.attname) for column, field in _FIELDS.items()}
    for column in DIGEST_COLUMNS:
        if row[column] is not None:
            row[column] = _bytea(row[column])
    row["caid_digests"] = [_bytea(digest) for digest in row["caid_digests"]]
    return row


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _having(clicks: QuerySet[Click], column: str, digests: Iterable[bytes]) -> QuerySet[Click]:
    if column == "caid_digests":
        # The exclusion says nothing new, but without it PostgreSQL can't use the partial index.
        return clicks.filter(caid_digests__overlap=list(digests)).exclude(caid_digests=[])
    return clicks.filter(**{f"{column}__in": digests})


def _newest_and_next(
    clicks: QuerySet[Click], activated_at: datetime, window: timedelta, kind: Kind
) -> Iterator[QuerySet[Click]]:
    before = Q(clicked_at__lte=activated_at)
    if kind is Kind.IP_USER_AGENT:
        # Thousands share the address of a mobile network: read no further back than what can win.
        before &= Q(clicked_at__gte=activated_at - window)
    yield clicks.filter(before).order_by("-clicked_at", "-id")[:1]
    yield clicks.filter(clicked_at__gt=activated_at).order_by("clicked_at", "id")[:1]


def _by_kind(found: Mapping[str, Any]) -> matching.Digests:
    return {
        kind: frozenset(bytes(digest) for column in columns for digest in _all_in(found[column]))
        for kind, columns in COLUMNS.items()
    }


def _all_in(cell: list[bytes] | bytes | None) -> list[bytes]:
    if isinstance(cell, list):
        return cell
    return [] if cell is None else [cell]


def _caid_md5s(value: str) -> set[str]:
    try:
        return monitor_link.caid_md5s(value)
    except ValueError:
        return set() if device_ids.is_absent(value) else device_ids.possible_md5s(value)


def _network_identities(ip: str, user_agent: str) -> set[str]:
    try:
        return {monitor_link.network_identity(monitor_link.parse_address(ip), user_agent)} if user_agent else set()
    except ValueError:
        return set()


def _possible_digests(values: Iterable[str]) -> frozenset[bytes]:
    return frozenset(digest for value in values for digest in device_ids.possible_digests(value))
