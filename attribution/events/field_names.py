"""The names of an event's fields, and what is said about names that are none of them."""

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from attribution.events.serializers import EventSerializer

FIELDS = frozenset(EventSerializer().fields)
# What other interfaces call these fields, where the spelling does not tell; without "_", in lower case.
OTHER_NAMES = {
    "type": "event", "eventtype": "event", "eventname": "event", "uid": "user_id", "openid": "user_id",
    "platform": "os", "system": "os", "ua": "user_agent", "money": "amount", "payamount": "amount", "price": "amount",
    "fee": "amount", "orderid": "outer_event_id", "orderno": "outer_event_id", "tradeno": "outer_event_id",
    "outtradeno": "outer_event_id", "timestamp": "occurred_at", "time": "occurred_at", "ts": "occurred_at",
    "createdat": "occurred_at", "eventtime": "occurred_at", "callbackparam": "callback", "callbackurl": "callback",
    "appid": "app", "props": "properties", "extra": "properties", "params": "properties",
}  # fmt: skip
# Of unknown fields, so many are named, each by so many characters.
NAMED, NAMED_CHARACTERS = 20, 64
LIKE = 0.75


def unknown(item: Mapping[str, Any]) -> dict[str, str]:
    """What the answer says about the fields that we don't know."""
    names = [name for name in item if name not in FIELDS]
    return {name[:NAMED_CHARACTERS]: _advice(name[:NAMED_CHARACTERS]) for name in names[:NAMED]} if names else {}


def meant_by(item: Mapping[str, Any], field: str) -> str:
    """The unknown name that may mean this field; empty: none."""
    return next((name for name in item if name not in FIELDS and nearest(name[:NAMED_CHARACTERS]) == field), "")


# An app's backend sends the same names with every event.
@lru_cache(maxsize=1024)
def nearest(name: str) -> str:
    """The field that an unknown name may mean; empty: none."""
    plain = _plain(name)
    near = difflib.get_close_matches(plain, _FIELDS_BY_PLAIN_NAME, n=1, cutoff=LIKE)
    return OTHER_NAMES.get(plain) or (_FIELDS_BY_PLAIN_NAME[near[0]] if near else "")


def _advice(name: str) -> str:
    near = nearest(name)
    return f"unknown field; did you mean {near}?" if near else "unknown field"


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


_FIELDS_BY_PLAIN_NAME = {_plain(field): field for field in sorted(FIELDS)}
