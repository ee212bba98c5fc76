"""Reads the query of a monitor link, as far as all vendors' are alike. Each vendor says which name means what.

No network, no database. Whatever can't be read is left out and named in `oddities`: a click is never refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar
from urllib.parse import unquote, unquote_to_bytes

from attribution.devices import device_ids
from attribution.devices.caids import caid_md5s
from attribution.devices.networks import Address, network_identity, parse_address
from foundation.database.columns import BIGINT_MAX

MAX_NAME_LENGTH = 255
MAX_KEY_LENGTH = 128
MAX_USER_AGENT_LENGTH = 1024
MAX_CALLBACK_LENGTH = 4096
# Of parameters that we do not know, how many names are noted, and their length.
MAX_UNREAD = 16
MAX_ODDITY_LENGTH = 64
# A click is reported within seconds; a time far from now means a broken clock or another unit.
OLDEST_CLICK = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=5)
SECONDS_BELOW = 10**11  # as milliseconds this would be 1973: some links carry seconds

_DIGITS = re.compile(r"[0-9]{1,19}")
_IMEI = re.compile(r"[0-9]{14,17}")
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_CUT_ESCAPE = re.compile(r"%[0-9a-fA-F]?$")
_AMPERSANDS = re.compile(r"^(?:amp)+")
_NOT_IN_NAMES = re.compile(r"[^\w]|_")
_ANDROID_ID = re.compile(r"[0-9a-f]{8,16}")

T = TypeVar("T")


class LinkQuery:
    """The query's parameters under our names, cleaned.

    `names`: what the parameters' names mean, with all `spellings`; a name that means "" is known and not needed.
    `with_zero`: our names of parameters in which "0" is a value; elsewhere it means absent, as do placeholders and
    unreplaced macros. `verbatim`: our names of parameters that contain no blanks, so that a `+` in them is a plus.

    Parameters whose names mean nothing are noted in `oddities`, as they were spelled.
    """

    def __init__(
        self,
        query: str,
        names: Mapping[str, str],
        *,
        with_zero: Collection[str] = (),
        verbatim: Collection[str] = (),
    ) -> None:
        self.oddities: list[str] = []
        self._values: dict[str, str] = {}
        # Not `parse_qsl`: most of a link's forty parameters are empty or unreplaced, and it took a third of a click.
        for pair in _pairs(query):
            given_name, _, value = pair.partition("=")
            # An unreplaced macro, told as such before anything dearer is done with it.
            if not value or (value[:2] == "__" == value[-2:] and value.isidentifier()):
                continue
            name = names.get(given_name)
            if name is None:
                name = _meaning(given_name, names)
            if name:
                value = _unquoted(value, has_plus=name in verbatim)
                if not device_ids.is_absent(value) or (value == "0" and name in with_zero):
                    self._values.setdefault(name, value)
            elif name is None:
                self._note_unread(given_name, value)

    def _note_unread(self, given_name: str, value: str) -> None:
        name = _unquoted(given_name)[:MAX_ODDITY_LENGTH]
        is_new = name and name not in self.oddities and len(self.oddities) < MAX_UNREAD
        if is_new and not device_ids.is_absent(_unquoted(value)):
            self.oddities.append(name)

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

    def idfa_md5(self, name: str) -> str | None:
        """The md5 of an IDFA, which arrives raw or as md5: a raw one has dashes."""
        return self.read(name, lambda value: value.lower() if device_ids.is_md5(value) else device_ids.md5_of(value))

    def android_id_md5(self, name: str) -> str | None:
        """The md5 of an Android id, which arrives as md5, or in some links raw: up to 16 hex digits."""
        return self.read(name, _android_id_md5)

    def imei_md5(self, name: str) -> str | None:
        """The md5 of an IMEI, which arrives as md5, or in some links raw: 15 digits."""
        return self.read(name, _imei_md5)

    def caid_md5s(self, name: str) -> list[str]:
        return sorted(self.read(name, caid_md5s) or ())

    def identities(
        self, addresses: Collection[str], user_agent: str, *, os: str = "", model: str = ""
    ) -> tuple[str | None, str | None]:
        """`network_identity` by IPv4 and by IPv6, whichever parameters they arrived in.

        None without an address of that version, or without a user agent. `os` and `model`: what the link says itself.
        """
        found = [self.read(name, parse_address) for name in addresses]
        agent = self.text(user_agent, MAX_USER_AGENT_LENGTH)

        def identity(version: type[Address]) -> str | None:
            address = next((each for each in found if isinstance(each, version)), None)
            return network_identity(address, agent, os=os, model=model) if agent and address else None

        return identity(IPv4Address), identity(IPv6Address)


def spellings(names: Mapping[str, str]) -> dict[str, str]:
    """The names, and their plain forms, by which all others are found, whatever their case and signs."""
    return {**{_plain(name): meaning for name, meaning in names.items()}, **names}


def _pairs(query: str) -> list[str]:
    """The `name=value` parts. A query that was escaped as a whole has neither of the two signs."""
    if "=" not in query and "%3d" in query.lower():
        query = unquote(query)
    return query.split("&")


def _meaning(given_name: str, names: Mapping[str, str]) -> str | None:
    """Also of a name after `&amp;`, an ampersand that was copied from HTML, or after a second question mark."""
    plain = _plain(given_name)
    found = names.get(plain)
    return names.get(_AMPERSANDS.sub("", plain)) if found is None else found


def _plain(name: str) -> str:
    return _NOT_IN_NAMES.sub("", unquote(name).lower())


def _unquoted(value: str, *, has_plus: bool = False) -> str:
    """The text without escapes, also if it was escaped twice, except for addresses, which have escapes of their own."""
    if "%" in value or "+" in value:
        value = _decoded(value if has_plus else value.replace("+", " "))
        if "%" in value and _ESCAPE.search(value) and "://" not in value:
            value = _decoded(value)
    return value.replace("\0", "").strip()  # PostgreSQL refuses NUL in texts


def _decoded(value: str) -> str:
    """Percent-escaped UTF-8, which the platform may have cut within a character; or GBK, as old tools write names."""
    text = unquote(value)
    if "\ufffd" not in text:
        return text
    given = unquote_to_bytes(_CUT_ESCAPE.sub("", value))
    try:
        return given.decode()
    except UnicodeDecodeError as err:
        if err.reason == "unexpected end of data":
            return given.decode(errors="ignore")
    try:
        return given.decode("gb18030")
    except UnicodeDecodeError:
        return text


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


def _md5(value: str) -> str:
    if not device_ids.is_md5(value):
        raise ValueError("not an md5")
    return value.lower()


def _android_id_md5(value: str) -> str:
    value = value.lower()
    return device_ids.md5_of(value) if _ANDROID_ID.fullmatch(value) else _md5(value)


def _imei_md5(value: str) -> str:
    return device_ids.md5_of(value) if _IMEI.fullmatch(value) else _md5(value)
