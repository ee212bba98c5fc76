"""Reads the query of a monitor link, as far as all vendors' are alike. Each vendor says which name means what.

No network, no database. Whatever can't be read is left out and named in `oddities`: a click is never refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar
from urllib.parse import unquote_plus

from attribution.devices import device_ids
from attribution.devices.caids import caid_md5s
from attribution.devices.networks import Address, network_identity, parse_address
from foundation.database.columns import BIGINT_MAX

MAX_NAME_LENGTH = 255
MAX_KEY_LENGTH = 128
MAX_USER_AGENT_LENGTH = 1024
MAX_CALLBACK_LENGTH = 4096
# A click is reported within seconds; a time far from now means a broken clock or another unit.
OLDEST_CLICK = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=5)
SECONDS_BELOW = 10**11  # as milliseconds this would be 1973: some links carry seconds

_DIGITS = re.compile(r"[0-9]{1,19}")
_IMEI = re.compile(r"[0-9]{14,17}")
_ANDROID_ID = re.compile(r"[0-9a-f]{8,16}")

T = TypeVar("T")


class LinkQuery:
    """The query's parameters under our names, cleaned.

    `names`: maps the parameters' names, in lower case, to ours. `with_zero`: our names of parameters in which "0" is a
    value; elsewhere it means absent, as do placeholders and unreplaced macros.
    """

    def __init__(self, query: str, names: Mapping[str, str], *, with_zero: Collection[str] = ()) -> None:
        self.oddities: list[str] = []
        self._values: dict[str, str] = {}
        # Not `parse_qsl`: most of a link's forty parameters are empty or unreplaced, and it took a third of a click.
        for pair in query.split("&"):
            given_name, _, value = pair.partition("=")
            name = names.get(given_name) or names.get(given_name.lower())
            if name and value:
                value = _unquoted(value)
                if not device_ids.is_absent(value) or (value == "0" and name in with_zero):
                    self._values.setdefault(name, value)

    def whole(self, name: str) -> str:
        """The text unchanged, however long."""
        return self._values.get(name, "")

    def text(self, name: str, max_length: int) -> str:
        return self._values.get(name, "")[:max_length]

    def texts(self, names: Collection[str]) -> dict[str, str]:
        """The given ones of these parameters."""
        return {name: self._values[name][:MAX_NAME_LENGTH] for name in names if name in self._values}

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The parsed value; None if it is absent, or if `parse` refuses it (then it is noted as an oddity)."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return parse(value)
        except (ValueError, KeyError, OverflowError):
            self.oddities.append(name)
            return None

    def word(self, name: str, words: Mapping[str, str]) -> str:
        """Our word for one of the vendor's."""
        return self.read(name, lambda value: words[value.lower()]) or ""

    def key(self, name: str) -> str:
        """A key that distinguishes rows: one that is too long must not be cut, or two could become one."""
        return self.read(name, _key) or ""

    def ad_id(self, name: str) -> int | None:
        """A number of 64 bits."""
        return self.read(name, _ad_id)

    def clicked_at(self, name: str, *, received_at: datetime) -> datetime:
        """From milliseconds or seconds since 1970; the time of arrival if that is absent or can't be true."""
        return self.read(name, lambda value: _clicked_at(value, received_at)) or received_at

    def md5(self, name: str) -> str | None:
        """The md5 of an id that arrives hashed."""
        return self.read(name, _md5)

    def md5_of(self, name: str) -> str | None:
        """The md5 of an id that arrives raw."""
        return self.read(name, device_ids.md5_of)

    def android_id_md5(self, name: str) -> str | None:
        """The md5 of an Android id, which arrives as md5, or in some links raw: up to 16 hex digits."""
        return self.read(name, _android_id_md5)

    def imei_md5(self, name: str) -> str | None:
        """The md5 of an IMEI, which arrives as md5, or in some links raw: 15 digits."""
        return self.read(name, _imei_md5)

    def caid_md5s(self, name: str) -> list[str]:
        return sorted(self.read(name, caid_md5s) or ())

    def identities(self, addresses: Collection[str], user_agent: str) -> tuple[str | None, str | None]:
        """`network_identity` by IPv4 and by IPv6, whichever parameters they arrived in.

        None without an address of that version, or without a user agent.
        """
        found = [self.read(name, parse_address) for name in addresses]
        agent = self.text(user_agent, MAX_USER_AGENT_LENGTH)
        return _identity(found, IPv4Address, agent), _identity(found, IPv6Address, agent)


def _unquoted(value: str) -> str:
    if "%" in value or "+" in value:
        value = unquote_plus(value)
    return value.replace("\0", "").strip()  # PostgreSQL refuses NUL in texts


def _number(value: str) -> int:
    """Plain digits only: `int` also accepts `1_000` and the digits of all scripts."""
    if not _DIGITS.fullmatch(value):
        raise ValueError(value)
    return int(value)


def _ad_id(value: str) -> int:
    number = _number(value)
    if number > BIGINT_MAX:
        raise ValueError(value)
    return number


def _key(value: str) -> str:
    if len(value) > MAX_KEY_LENGTH:
        raise ValueError(len(value))
    return value


def _clicked_at(ts: str, received_at: datetime) -> datetime:
    """A click can't be later than its report: a clock slightly ahead of ours is corrected."""
    number = _number(ts)
    clicked_at = datetime.fromtimestamp(number if number < SECONDS_BELOW else number / 1000, UTC)
    if not received_at - OLDEST_CLICK <= clicked_at <= received_at + CLOCK_SKEW:
        raise ValueError(ts)
    return min(clicked_at, received_at)


def _identity(addresses: Collection[Address | None], version: type[Address], user_agent: str) -> str | None:
    for address in addresses:
        if user_agent and isinstance(address, version):
            return network_identity(address, user_agent)
    return None


def _md5(value: str) -> str:
    if not device_ids.is_md5(value):
        raise ValueError("not an md5")
    return value.lower()


def _android_id_md5(value: str) -> str:
    value = value.lower()
    return device_ids.md5_of(value) if _ANDROID_ID.fullmatch(value) else _md5(value)


def _imei_md5(value: str) -> str:
    return device_ids.md5_of(value) if _IMEI.fullmatch(value) else _md5(value)
