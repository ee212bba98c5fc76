"""CAIDs (中国广告协会互联网广告标识): a device has one per version, and any version in common is enough.

A version is a day: 20260506 has replaced 20230330, and links may carry both.
"""

import json
import re
from typing import Any
from urllib.parse import unquote

from attribution.devices.device_ids import is_absent, md5_of

MAX_CAIDS = 8

_VERSION = r"20[0-9]{6}"
_ID_IN_TEXT = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
# `20230330_<id>`, as the association's SDK gives it; others write `:`, `|` or `-`, or the version last.
_VERSION_FIRST = re.compile(rf"{_VERSION}\s*[_:|-]\s*(.+)")
_VERSION_LAST = re.compile(rf"(.+?)\s*[_:|-]\s*{_VERSION}")
# Members of an object: `caid_md5`, `md5`, `caidMd5`; `caid`, `id`, `value`.
_HASHED_MEMBERS = {"caidmd5", "md5", "caid1md5", "caid2md5"}
_RAW_MEMBERS = {"caid", "id", "value", "caid1", "caid2"}


def caid_md5s(value: str) -> set[str]:
    """The possible md5 forms of the ids in a CAID, however it is written.

    An array (`[{"caid_md5": "…", "version": "20230330"}]`), an object (`{"20230330": "…"}`), texts with or without a
    version. Raw CAIDs are also 32 hex digits, so a bare one may be either form and counts as both. In broken JSON,
    anything that looks like an id is taken. Raises: ValueError if there is no id in it.
    """
    text = unquote(value) if "%" in value else value
    try:
        found = _caids_in(json.loads(text))
    except (ValueError, RecursionError):
        found = _caids_in(_ID_IN_TEXT.findall(text))
    if not found:
        raise ValueError("no CAID")
    return set(found[: 2 * MAX_CAIDS])


def without_version(caid: str) -> str:
    """The id in `20230330_<id>` or `<id>_20230330`; any other text unchanged."""
    caid = caid.strip()
    found = _VERSION_FIRST.fullmatch(caid) or _VERSION_LAST.fullmatch(caid)
    return found[1] if found else caid


def _caids_in(node: Any) -> list[str]:
    """The md5 forms in parsed JSON: an array of objects, one object, an array of texts, a text."""
    if isinstance(node, list):
        return [md5 for item in node for md5 in _caids_in(item)]
    if isinstance(node, dict):
        return [md5 for name, child in node.items() for md5 in _in_member(name, child)]
    return [form for caid in _given(node) for form in (caid, md5_of(caid))]


def _in_member(name: str, child: Any) -> list[str]:
    """An object's member: an id, or under any other name, something that has ids in it."""
    plain = name.lower().replace("_", "")
    if plain in _HASHED_MEMBERS:
        return _given(child)
    if plain in _RAW_MEMBERS and isinstance(child, str):
        return [md5_of(caid) for caid in _given(child)]
    is_version = re.fullmatch(_VERSION, plain) is not None
    return _caids_in(child) if is_version or isinstance(child, list | dict) else []


def _given(caid: Any) -> list[str]:
    if not isinstance(caid, str):
        return []
    found = without_version(caid).lower()
    return [] if is_absent(found) else [found]
