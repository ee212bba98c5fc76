"""What an event says about the device besides the event itself: mended where it is clear what is meant, else dropped.

None of it identifies or counts, so none of it refuses an event: what was changed or dropped is named in the answer.
"""

import ipaddress
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from attribution.devices.device_ids import is_absent
from attribution.models import Os

# The longest that is kept of each text.
MOST_CHARACTERS = {
    "android_id": 128, "idfv": 128, "oaid": 128, "imei": 128, "idfa": 128, "caid": 1024, "mac": 64, "channel": 64,
    "user_agent": 1024,
}  # fmt: skip
# Cut if too long: the beginning says enough. Any other text that is too long is not what it is called.
MAY_BE_CUT = {"user_agent", "channel"}
# How phones, SDKs and backends write the systems, in lower case without blanks, "-" and "_".
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
_SEPARATORS = str.maketrans("", "", " -_")


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


def _text(given: Any, name: str) -> Read:
    text = _plain(given, is_json=name == "caid")
    if text is None or "\x00" in text:
        return Read("", "not a text")
    if is_absent(text) and name != "channel":
        return Read("", f"{_quoted(text)} is a placeholder")
    most = MOST_CHARACTERS[name]
    if len(text) <= most:
        return Read(text)
    if name in MAY_BE_CUT:
        return Read(text[:most], f"cut to {most} characters")
    return Read("", f"more than {most} characters")


def _plain(given: Any, *, is_json: bool) -> str | None:
    """The text that was meant, None if there is none. Some SDKs give an IMEI as a number and CAIDs as they got them."""
    if isinstance(given, str):
        return given.strip()
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return json.dumps(given) if is_json and isinstance(given, list | dict) else None


def _ip(given: Any) -> Read:
    """The first of a list is the client's; a port, brackets and a zone are not part of the address."""
    first = given[0] if isinstance(given, list) and given else given
    text = first.split(",")[0].strip().strip("\"'") if isinstance(first, str) else ""
    address = _address(text)
    if address is None:
        return Read("", f"{_quoted(given)} is not an IP address")
    return Read(address) if address == given else Read(address, f"read as {address}")


def _address(text: str) -> str | None:
    bracketed, _bracket, _port = text[1:].partition("]") if text.startswith("[") else (text, "", "")
    for candidate in (bracketed, bracketed.rpartition(":")[0]):
        try:
            found = ipaddress.ip_address(candidate.partition("%")[0])
        except ValueError:
            continue
        mapped = getattr(found, "ipv4_mapped", None)
        return None if found.is_unspecified else str(mapped or found)
    return None


def _system(given: Any, numbers: Mapping[str, str]) -> Read:
    word = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    found = numbers.get(word) or SYSTEMS.get(word.lower().translate(_SEPARATORS))
    return Read(str(found)) if found else Read("", f"{_quoted(given)} is not one of {', '.join(Os.values)}")


def _quoted(given: Any) -> str:
    """At most a few words of it: it came from outside."""
    text = given if isinstance(given, str) else repr(given)
    return repr(text[:QUOTED]) if len(text) <= QUOTED else f"{text[:QUOTED]!r}…"
