"""Our clicks: stored as they arrive, and found again for a device that became active."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from attribution.clicks import floods, matching
from attribution.clicks.columns import COLUMNS
from attribution.clicks.matching import ClickCandidate, Device, Kind, Match, Windows
from attribution.devices import device_ids
from attribution.devices.caids import caid_md5s, without_version
from attribution.devices.match_types import MatchType
from attribution.devices.networks import network_identities, parse_address
from attribution.models import App, Click, ClickKey
from attribution.platforms.platform import MonitoredClick
from foundation.database import bulk

_ALL_COLUMNS = [column for columns in COLUMNS.values() for column in columns]


class NewClick(NamedTuple):
    """A call of a monitor link: its app, its query, and the platform's reading of it."""

    app_id: int
    platform: str
    received_at: datetime
    query: str
    said: MonitoredClick


def store(clicks: Sequence[NewClick]) -> None:
    """Write the clicks in one statement. Repeats of a click are dropped."""
    by_key = {key: click for click in reversed(clicks) if (key := _key(click))}
    rows = [_row(by_key[key], key) for key in sorted(by_key)]
    rows += [_row(click, None) for click in clicks if not click.said.identity]
    bulk.insert_values(Click, rows, keys=ClickKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A device that became active; `ids` are raw, keyed by the event's field names."""

    app: App
    ids: Mapping[str, str]
    at: datetime
    os: str = ""
    ip: str = ""
    user_agent: str = ""


def find(activations: Sequence[Activation]) -> list[Match]:
    """The click that brought each device, or why there is none; one query for all of them."""
    sought = [(device_of(each.ids, os=each.os, ip=each.ip, user_agent=each.user_agent), each) for each in activations]
    found = _candidates([_Sought(device, each.app.pk, each.at, windows_of(each.app)) for device, each in sought])
    return [
        matching.match(device, found[number], activated_at=each.at, windows=windows_of(each.app))
        for number, (device, each) in enumerate(sought)
    ]


def flag_floods(matches: Sequence[Match], activations: Sequence[Activation]) -> list[Match]:
    """The matches of these activations; those of devices with too many clicks are flagged. At most one query."""
    hits = [number for number, match in enumerate(matches) if match.click_id is not None]
    counts = floods.count([_clicking(activations[number], Kind(matches[number].reason)) for number in hits])
    flagged = list(matches)
    for number, clicks in zip(hits, counts, strict=True):
        if clicks >= floods.MANY_A_DAY:
            detail = f"{matches[number].detail}; {clicks} or more clicks of this device within a day: flooding"
            flagged[number] = replace(matches[number], is_suspicious=True, detail=detail)
    return flagged


def _clicking(activation: Activation, kind: Kind) -> floods.Clicking:
    digests = device_of(activation.ids).digests.get(kind, frozenset())
    return floods.Clicking(activation.app.pk, kind, digests, activation.at)


def device_of(ids: Mapping[str, str], *, os: str = "", ip: str = "", user_agent: str = "") -> Device:
    """What a device can have in common with a click; `ids` are raw, keyed by the event's field names."""
    forms = {
        kind: device_ids.possible_md5s(ids[kind])
        for kind in (Kind.OAID, Kind.ANDROID_ID, Kind.IMEI, Kind.IDFA)
        if not device_ids.is_absent(ids.get(kind))
    }
    forms[Kind.CAID] = _caid_md5s(ids.get("caid", ""))
    forms[Kind.IP_USER_AGENT] = _network_identities(ip, user_agent, os)
    return Device({kind: _possible_digests(values) for kind, values in forms.items() if values})


def windows_of(app: App) -> Windows:
    return Windows(
        ids=timedelta(days=app.click_window_days),
        plays=timedelta(hours=app.play_window_hours),
        impressions=timedelta(hours=app.impression_window_hours),
        ip_user_agent=matching.PROBABILISTIC_WINDOW if app.matches_by_network else None,
    )


class _Sought(NamedTuple):
    device: Device
    app_id: int
    activated_at: datetime
    windows: Windows


def _candidates(sought: Sequence[_Sought]) -> list[list[ClickCandidate]]:
    """For each device, the clicks that decide the result of `matching.match`.

    For each id: the newest click up to the activation, which wins if any does, and the first one after it, which
    explains a miss; the newest play and the newest impression in their windows. Those without a callback are left out:
    nothing could be reported for them.
    """
    rows = [row for number, each in enumerate(sought) for row in _sought_rows(number, each)]
    found: list[list[ClickCandidate]] = [[] for _each in sought]
    if not rows:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_candidates_statement(), [msgspec.json.encode(rows).decode()])
        for number, click_id, clicked_at, match_type, *digests in cursor.fetchall():
            by_column = dict(zip(_ALL_COLUMNS, digests, strict=True))
            candidate = ClickCandidate(
                click_id=click_id,
                clicked_at=clicked_at,
                match_type=MatchType(match_type),
                digests=_by_kind(by_column),
            )
            found[number].append(candidate)
    return found


def _sought_rows(number: int, sought: _Sought) -> Iterator[dict[str, Any]]:
    for kind, digests in sought.device.digests.items():
        since = {
            f"{match_type}_since": sought.activated_at - window
            for match_type in MatchType
            if (window := sought.windows.of(kind, match_type)) is not None
        }
        if not since:
            continue
        # Thousands share the address of a mobile network: read back only as far as a click can win.
        if kind is not Kind.IP_USER_AGENT:
            since["click_since"] = datetime.min.replace(tzinfo=UTC)
        for digest in digests:
            yield {
                "number": number,
                "kind": kind,
                "app_id": sought.app_id,
                "digest_hex": digest.hex(),
                "activated_at": sought.activated_at,
                **since,
            }


@cache
def _candidates_statement() -> str:
    since = ", ".join(f"{match_type}_since timestamptz" for match_type in MatchType)
    columns = f"number int, kind text, app_id bigint, digest_hex text, activated_at timestamptz, {since}"
    found = (_candidates_by(kind, column) for kind, columns in COLUMNS.items() for column in columns)
    return (
        "WITH sought AS (SELECT given.*, decode(digest_hex, 'hex') AS digest "  # noqa: S608
        f"FROM json_to_recordset(%s) AS given ({columns})) {' UNION ALL '.join(found)}"
    )


def _candidates_by(kind: Kind, column: str) -> str:
    clicks = (
        _clicks_of_a_caid() if kind is Kind.CAID else f"{Click._meta.db_table} AS click WHERE {column} = digest AND"
    )
    columns = f"id, clicked_at, match_type, {', '.join(_ALL_COLUMNS)}"
    of_app = "click.app_id = sought.app_id AND callback_param <> ''"

    def first(match_type: MatchType, when: str, order: str) -> str:
        of_type = f"{of_app} AND match_type = '{match_type}'"
        return f"(SELECT {columns} FROM {clicks} {of_type} AND clicked_at {when} ORDER BY {order} LIMIT 1)"  # noqa: S608

    newest = [first(each, f"BETWEEN {each}_since AND activated_at", "clicked_at DESC, id DESC") for each in MatchType]
    too_late = first(MatchType.CLICK, "> activated_at", "clicked_at, id")
    candidates = " UNION ALL ".join([*newest, too_late])
    return f"SELECT number, found.* FROM sought CROSS JOIN LATERAL ({candidates}) AS found WHERE kind = '{kind}'"  # noqa: S608


def _clicks_of_a_caid() -> str:
    """`<> '{}'` is redundant, but without it PostgreSQL can't use the partial index.

    `OFFSET 0` keeps the condition on the time out: with it PostgreSQL would first collect all clicks of that time,
    device by device.
    """
    table = Click._meta.db_table
    having = "caid_digests && ARRAY[digest] AND caid_digests <> '{}'"
    return f"(SELECT * FROM {table} WHERE {having} OFFSET 0) AS click WHERE"  # noqa: S608


def _key(click: NewClick) -> str:
    """The primary key of its `ClickKey`: a UUID; empty if the platform tells no clicks apart."""
    identity = click.said.identity
    text = f"{click.app_id}\n{click.platform}\n{click.said.match_type}\n{identity}"
    return identity and device_ids.md5_of(text)


def _row(click: NewClick, key: str | None) -> dict[str, Any]:
    """Values by the tables' columns. Not a `Click`: creating an instance costs as much as reading the query."""
    said, ad = click.said, click.said.ad
    return {
        "key": key,
        "app_id": click.app_id,
        "platform": click.platform,
        "advertiser_id": ad.advertiser_id,
        "campaign_id": ad.campaign_id,
        "campaign_name": ad.campaign_name,
        "ad_id": ad.ad_id,
        "ad_name": ad.ad_name,
        "creative_id": ad.creative_id,
        "creative_name": ad.creative_name,
        "platform_ad": ad.platform_ad,
        "match_type": said.match_type,
        "request_id": said.request_id,
        "track_id": said.track_id,
        "clicked_at": said.clicked_at,
        "received_at": click.received_at,
        "os": said.os,
        "device_model": said.device_model,
        "oaid_digest": _digest(said.oaid_md5),
        "android_id_digest": _digest(said.android_id_md5),
        "imei_digest": _digest(said.imei_md5),
        "idfa_digest": _digest(said.idfa_md5),
        "caid_digests": [_digest(md5) for md5 in said.caid_md5s],
        "ip_ua_digest": _digest(said.ipv4_identity),
        "ipv6_ua_digest": _digest(said.ipv6_identity),
        "callback_param": said.callback,
        "callback_url": said.callback_url,
        "material": said.material,
        "oddities": said.oddities,
        "raw": device_ids.encrypt(click.query),
    }


def _digest(form: str | None) -> str | None:
    """The digest in PostgreSQL's text form, since JSON has no bytes."""
    return None if form is None else f"\\x{device_ids.digest(form).hex()}"


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
        return caid_md5s(value)
    except ValueError:
        return set() if device_ids.is_absent(value) else device_ids.possible_md5s(without_version(value))


def _network_identities(ip: str, user_agent: str, os: str) -> set[str]:
    try:
        return network_identities(parse_address(ip), user_agent, os=os) if user_agent else set()
    except ValueError:
        return set()


def _possible_digests(values: Iterable[str]) -> frozenset[bytes]:
    return frozenset(digest for value in values for digest in device_ids.possible_digests(value))
