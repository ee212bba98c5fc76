"""The parameters that one route is sent: the client's, without what the route drops, with what the route sets.

A provider may refuse a member that the client never sent. It is asked again without it (turns/attempt.py), and from
then on for `_REMEMBERED_S` nobody sends it there.
"""

import time
from collections.abc import Mapping

import msgspec

from streaming.catalogue.catalogue import ServedRoute

Fields = Mapping[str, msgspec.Raw]

_REMEMBERED_S = 3600.0  # the provider may learn, and a member of ours is worth a request an hour
_NEVER_BLAMED = frozenset({"model", "messages", "stream"})
_STREAM_OPTIONS = "stream_options"
# Two names of one parameter: together they are refused.
_SYNONYMS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}

_refused: dict[str, tuple[frozenset[str], float]] = {}  # by the route's key; the time is when it is forgotten


def refused_by(route: ServedRoute) -> frozenset[str]:
    """Members that this route has refused, dotted ones inside another."""
    if not _refused or route.key not in _refused:
        return frozenset()
    names, until = _refused[route.key]
    if time.monotonic() > until:
        del _refused[route.key]
        return frozenset()
    return names


def remember_refused(route: ServedRoute, names: frozenset[str]) -> None:
    _refused[route.key] = names, time.monotonic() + _REMEMBERED_S


def never_added(route: ServedRoute, refused: frozenset[str]) -> frozenset[str]:
    """What the dialect must not add of its own."""
    without = refused | route.drop_params
    return without if route.send_stream_options else without | {_STREAM_OPTIONS}


def fields_for(route: ServedRoute, client: Fields, refused: frozenset[str]) -> Fields:
    """What the route gets of the client's fields, and its defaults for those that the client leaves out or null."""
    if not (refused or route.default_params or route.drop_params or not route.send_stream_options):
        return client
    dropped = never_added(route, frozenset())
    fields = {
        name: value
        for name, value in client.items()
        if name not in dropped and not (name in refused and _is_null(value))
    }
    for name, value in route.default_params.items():
        if name not in refused and not (_is_given(fields, name) or _is_given(fields, _SYNONYMS.get(name, ""))):
            fields[name] = value
    return fields


def added(body: bytes, client: Fields) -> frozenset[str]:
    """The members of a request's body that the client has not sent."""
    try:
        sent = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(sent, dict):
        return frozenset()
    ours = {name for name in sent if not _is_given(client, name)} - _NEVER_BLAMED
    options = sent.get(_STREAM_OPTIONS)
    if isinstance(options, dict):
        asked = msgspec.json.decode(client.get(_STREAM_OPTIONS, b"null")) or {}
        ours |= {f"{_STREAM_OPTIONS}.{name}" for name in options if name not in asked}
    return frozenset(ours)


def not_sent(client: Fields, names: frozenset[str]) -> frozenset[str]:
    """Those of these members that the client has not sent."""
    return frozenset(name for name in names if not _is_given(client, name.partition(".")[0]))


def _is_given(fields: Fields, name: str) -> bool:
    return name in fields and not _is_null(fields[name])


def _is_null(value: msgspec.Raw) -> bool:
    return bytes(value) == b"null"
