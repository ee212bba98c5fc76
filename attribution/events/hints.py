"""What an event says about the device besides the event itself: mended where it is clear what is meant, else dropped.

None of it identifies or counts, so none of it refuses an event: what was changed or dropped is named in the answer.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from attribution.devices.caids import caid_md5s
from attribution.devices.device_ids import is_absent
from attribution.devices.networks import Address, parse_address
from attribution.models import Os

# The longest that is kept of each text.
MOST_CHARACTERS = {
    "android_id": 128, "idfv": 128, "oaid": 128, "imei": 128, "idfa": 128, "caid": 1024, "mac": 64, "channel": 64,
    "user_agent": 1024,
}  # fmt: skip
# Free texts. If too long they are cut: the beginning says enough. An id that is too long is not what it is called.
FREE_TEXTS = {"user_agent", "channel"}
# How phones, SDKs and backends write the systems, in lower case without blanks, "-" and "_", and without the version.
SYSTEMS = {
    "android": Os.ANDROID, "androidos": Os.ANDROID, "aos": Os.ANDROID,
    "ios": Os.IOS, "iphone": Os.IOS, "iphoneos": Os.IOS, "ipad": Os.IOS, "ipados": Os.IOS, "apple": Os.IOS,
    "harmony": Os.HARMONY, "harmonyos": Os.HARMONY, "harmonyosnext": Os.HARMONY, "ohos": Os.HARMONY,
    "openharmony": Os.HARMONY, "hongmeng": Os.HARMONY, "鸿蒙": Os.HARMONY,
}  # fmt: skip
# Ids that only phones of one system have.
SYSTEM_OF = {
    "idfv": Os.IOS, "idfa": Os.IOS, "caid": Os.IOS, "android_id": Os.ANDROID, "imei": Os.ANDROID,
}  # fmt: skip
FIELDS = (*MOST_CHARACTERS, "ip", "os")
QUOTED = 40
MOST_PROPERTIES_BYTES = 8 * 1024
# Of a list of addresses, so many characters are read.
MOST_LISTED = 1024

_SEPARATORS = str.maketrans("", "", " -_")
# Lists of addresses, which proxies lengthen, and the two IMEIs of a phone with two cards.
_LIST = re.compile(r"\s*[,;|/]\s*|\s+")
_WITH_PORT = re.compile(r"\[(.+)\](?::\w*)?|([^:]+):\w*")
_WITH_VERSION = re.compile(r"(\D+)[0-9][0-9.]*")
# In JSON, behind an even number of backslashes.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Read(NamedTuple):
    """What became of a value; `why` is empty if it was taken as it came."""

    value: str
    why: str = ""


def read(item: Mapping[str, Any], numbers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The hints of an event, and what was mended or ignored, by field. `numbers` are the platforms' for systems."""
    found: dict[str, str] = {}
    ignored: dict[str, str] = {}
    for name in FIELDS:
        given = item.get(name)
        if given is None or given == "":
            continue
        value, why = _system(given, numbers) if name == "os" else _ip(given) if name == "ip" else _text(given, name)
        if value:
            found[name] = value
        if why:
            ignored[name] = why
    if "os" not in found and (system := next((SYSTEM_OF[name] for name in found if name in SYSTEM_OF), None)):
        found["os"] = system.value
    return found, ignored


def properties(given: Any) -> tuple[dict[str, Any] | None, str]:
    """The properties, and why they were mended or ignored; some clients send them as text."""
    if given is None or given == "":
        return None, ""
    found = _parsed(given) if isinstance(given, str) else given
    if not isinstance(found, dict):
        return None, "not an object"
    try:
        encoded = msgspec.json.encode(found)
    except (UnicodeEncodeError, RecursionError):
        return None, "not JSON that can be stored"
    if _NUL.search(encoded):
        return None, "not JSON that can be stored"
    if len(encoded) > MOST_PROPERTIES_BYTES:
        return None, f"more than {MOST_PROPERTIES_BYTES} bytes as JSON"
    return found, "" if found is given else "read as JSON"


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        return None


def is_storable(text: str) -> bool:
    """PostgreSQL takes neither NUL nor half of a surrogate pair; neither does any platform."""
    return "\x00" not in text and (text.isascii() or not _SURROGATE.search(text))


def _text(given: Any, name: str) -> Read:
    text = _plain(given, is_json=name == "caid", is_list=name not in FREE_TEXTS)
    if text is None or not is_storable(text):
        return Read("", "not a text")
    if not text:
        return Read("")
    if name == "caid":
        return _caid(text)
    return _free_text(text, name) if name in FREE_TEXTS else _id(text, name)


def _plain(given: Any, *, is_json: bool = False, is_list: bool = True) -> str | None:
    """The text that was meant, None if there is none.

    Some SDKs give an IMEI as a number, CAIDs as JSON, and several of anything else as a list.
    """
    if isinstance(given, str):
        return given.strip()
    if isinstance(given, int | float) and not isinstance(given, bool):
        is_whole = isinstance(given, int) or given.is_integer()
        return str(int(given)) if is_whole else None
    if is_json:
        return json.dumps(given, ensure_ascii=False) if isinstance(given, list | dict) else None
    is_of_texts = is_list and isinstance(given, list) and all(isinstance(each, str) for each in given)
    return ",".join(given) if is_of_texts else None


def _free_text(text: str, name: str) -> Read:
    if is_absent(text) and text.strip("0"):  # a channel may be called 0
        return Read("", f"{_quoted(text)} is a placeholder")
    most = MOST_CHARACTERS[name]
    return Read(text) if len(text) <= most else Read(text[:most], f"cut to {most} characters")


def _id(text: str, name: str) -> Read:
    """The first id, if there are several."""
    found = next((each for each in _LIST.split(text) if not is_absent(each)), "")
    if not found:
        return Read("", f"{_quoted(text)} is a placeholder")
    if len(found) > MOST_CHARACTERS[name]:
        return Read("", f"more than {MOST_CHARACTERS[name]} characters")
    return Read(found) if found == text else Read(found, "only the first one is used")


def _caid(text: str) -> Read:
    """One id or several, all of which count; JSON from the association's SDK or from the app's own code."""
    if len(text) > MOST_CHARACTERS["caid"]:
        return Read("", f"more than {MOST_CHARACTERS['caid']} characters")
    is_empty = is_absent(text) or (text[0] in "[{" and not _has_caids(text))
    return Read("", f"{_quoted(text)} is a placeholder") if is_empty else Read(text)


def _has_caids(text: str) -> bool:
    try:
        return bool(caid_md5s(text))
    except ValueError:
        return False


def _ip(given: Any) -> Read:
    """The first address of a list is the phone's: each proxy appends who called it.

    Within a carrier's network the first ones are private, and say nothing outside.
    """
    found = list(_addresses((_plain(given) or "")[:MOST_LISTED]))
    if not found:
        return Read("", f"{_quoted(given)} is not an IP address")
    address = str(next((each for each in found if each.is_global), found[0]))
    return Read(address) if address == given else Read(address, f"read as {address}")


def _addresses(text: str) -> Iterator[Address]:
    """Without ports, brackets and zones."""
    for member in _LIST.split(text):
        bare = member.strip("\"'")
        port = _WITH_PORT.fullmatch(bare)
        try:
            found = parse_address((port[1] or port[2] if port else bare).partition("%")[0])
        except ValueError:
            continue
        if not found.is_unspecified:
            yield found


def _system(given: Any, numbers: Mapping[str, str]) -> Read:
    """`Android 13` and `iPhone OS 17.1` say the version, too."""
    word = (_plain(given) or "").lower()
    plain = word.translate(_SEPARATORS)
    version = _WITH_VERSION.fullmatch(plain)
    found = numbers.get(word) or SYSTEMS.get(version[1] if version else plain)
    return Read(str(found)) if found else Read("", f"{_quoted(given)} is not one of {', '.join(Os.values)}")


def _quoted(given: Any) -> str:
    """At most a few words of it: it came from outside."""
    text = given if isinstance(given, str) else repr(given)
    return repr(text[:QUOTED]) if len(text) <= QUOTED else f"{text[:QUOTED]!r}…"
